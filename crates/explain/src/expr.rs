//! Expressions in the text of a source line.
//!
//! Line records say where on a line an instruction's expression has its operator. From there the operands are found by
//! their shape alone: names, member accesses, subscripts, calls. What has another shape gives nothing.

use std::ops::Range;

/// Longest expression that names a value.
const LONGEST: usize = 60;

/// A part of a line.
pub(crate) type Span = Range<usize>;

/// The expression whose operator, name or first character stands at a column, counted from 1.
pub(crate) fn at_column(text: &str, column: u32) -> Option<Span> {
    let at = (column as usize).checked_sub(1)?;
    let bytes = text.as_bytes();
    if !text.is_ascii() || !bytes.get(at)?.is_ascii_graphic() {
        return None;
    }
    let line = Line { bytes };
    let span = match line.byte(at) {
        c if is_word(c) => line.word(at)?,
        b'(' => line.postfix(at)?,
        b'*' | b'&' | b'!' | b'~' | b'-' if line.is_prefix(at) => at..line.unary_end(at)?,
        b'+' | b'-' if line.byte(at + 1) == line.byte(at) => line.primary_start(at)?..at + 2,
        b'=' if line.byte(at + 1) != b'=' => line.primary_start(at)?..line.rest(at + 1),
        _ if line.is_assignment(at) => line.primary_start(at)?..line.rest(at + 2),
        b'<' | b'>' | b'=' | b'!' | b'|' | b'&' | b'^' | b'+' | b'-' | b'*' | b'/' | b'%' => {
            line.binary(at)?
        }
        _ => return None,
    };
    (span.start < span.end && span.end <= bytes.len()).then_some(span)
}

/// The variable that the value of an expression is assigned to: `n` of `long n = f(x);`.
pub(crate) fn assigned_to(text: &str, span: &Span) -> Option<Span> {
    let line = Line {
        bytes: text.as_bytes(),
    };
    if !text.is_ascii() || !matches!(line.byte(line.skip(span.end)), 0 | b';' | b',' | b')' | b'/') {
        return None; // a part of what is assigned
    }
    let mut at = line.skip_back(span.start);
    // Casts.
    while at > 0 && line.byte(at - 1) == b')' {
        at = line.skip_back(line.open(at - 1)?);
    }
    let equals = at.checked_sub(1)?;
    let before = equals.checked_sub(1).map(|before| line.byte(before));
    if line.byte(equals) != b'=' || before.is_some_and(|c| b"=!<>".contains(&c)) {
        return None;
    }
    if before.is_some_and(|c| b"+-*/%&|^".contains(&c)) {
        return None; // another value is made of it
    }
    let end = line.skip_back(equals);
    let mut start = line.primary_start(end)?;
    // `struct s *p = …` declares `p`.
    let declares = line.byte(start) == b'*'
        && line
            .skip_back(start)
            .checked_sub(1)
            .is_some_and(|before| is_word(line.byte(before)) || line.byte(before) == b',');
    // `struct s **p = …`, too.
    let mut stars = start;
    while line.byte(stars.wrapping_sub(1)) == b'*' {
        stars -= 1;
    }
    let many = stars < start
        && line
            .skip_back(stars)
            .checked_sub(1)
            .is_some_and(|before| is_word(line.byte(before)));
    while (declares || many) && line.byte(start) == b'*' {
        start += 1;
    }
    (start < end).then_some(start..end)
}

/// Whether a span is the whole of an assignment or step: `n = x`, `pos += n`, `i++`; then the variable that changes.
pub(crate) fn changed(text: &str, span: &Span) -> Option<Span> {
    let part = text.get(span.clone())?;
    if !text.is_ascii() {
        return None;
    }
    let line = Line {
        bytes: part.as_bytes(),
    };
    let end = (0..part.len()).find(|at| {
        let c = line.byte(*at);
        (c == b'=' && line.byte(at + 1) != b'=' && !b"=!<>".contains(&line.byte(at.wrapping_sub(1))))
            || line.is_assignment(*at)
            || ((c == b'+' || c == b'-') && line.byte(at + 1) == c)
    })?;
    let end = line.skip_back(end);
    let start = line.primary_start(end)?;
    (start < end).then(|| span.start + start..span.start + end)
}

/// The subscript of an expression that ends with one: `x` of `e->buf[x]`.
pub(crate) fn subscript(expression: &str) -> Option<&str> {
    let line = Line {
        bytes: expression.as_bytes(),
    };
    let close = expression.len().checked_sub(1)?;
    if !expression.is_ascii() || line.byte(close) != b']' {
        return None;
    }
    let open = line.open(close)?;
    let index = expression.get(open + 1..close)?.trim();
    (!index.is_empty()).then_some(index)
}

/// The name that a declaration of a parameter declares.
pub(crate) fn declared(declaration: &str) -> Option<&str> {
    let start = declaration.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let name = declaration.get(start.map_or(0, |at| at + 1)..)?;
    (!name.is_empty()).then_some(name)
}

/// The subscripts of an expression, and what stands before each.
pub(crate) fn subscripts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let line = Line {
        bytes: text.as_bytes(),
    };
    text.match_indices('[').filter_map(move |(open, _)| {
        let close = line.close(open)?;
        let index = text.get(open + 1..close)?.trim();
        Some((text.get(..open)?.trim_end(), index)).filter(|(_, index)| !index.is_empty())
    })
}

/// The pointer through which an expression accesses memory: `tcp` of `tcp->dest`, `v` of `*v`; of an assignment, its left
/// side counts.
pub(crate) fn object(expression: &str) -> Option<&str> {
    let left = expression.split(" = ").next()?.trim_end();
    let plain = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_->.".contains(c))
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    };
    if let Some(name) = left.strip_prefix('*') {
        return Some(name).filter(|name| plain(name));
    }
    let (name, member) = left.rsplit_once("->")?;
    let member = member.trim_end_matches(['+', '-']);
    (plain(name) && plain(member)).then_some(name)
}

/// The same, of elements, too: `p` of `p[0]`.
pub(crate) fn accessed_through(expression: &str) -> Option<&str> {
    let line = Line {
        bytes: expression.as_bytes(),
    };
    if expression.is_ascii() && expression.ends_with(']') {
        let open = line.open(expression.len() - 1)?;
        return expression.get(..open).filter(|object| !object.is_empty());
    }
    object(expression)
}

/// What a comparison compares with a constant: `n` of `n > 64`.
pub(crate) fn compared(text: &str, span: &Span) -> Option<Span> {
    let part = text.get(span.clone())?;
    if !text.is_ascii() {
        return None;
    }
    let line = Line {
        bytes: part.as_bytes(),
    };
    let mut depth = 0usize;
    let operator = (0..part.len()).find(|at| {
        match line.byte(*at) {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && line.is_comparison(*at)
    })?;
    let behind = operator + if line.byte(operator + 1) == b'=' { 2 } else { 1 };
    let (left, right) = (line.trimmed(0..operator), line.trimmed(behind..part.len()));
    let constant = |side: &Span| part.get(side.clone()).is_some_and(is_constant);
    let side = match (constant(&left), constant(&right)) {
        (false, true) => left,
        (true, false) => right,
        _ => return None,
    };
    (side.start < side.end).then(|| span.start + side.start..span.start + side.end)
}

/// A number, a macro's name, `sizeof(…)`, and what is made of these.
fn is_constant(text: &str) -> bool {
    let lower = |word: &str| word.chars().any(|c| c.is_ascii_lowercase());
    let mut rest = text.to_owned();
    while let Some(at) = rest.find("sizeof(") {
        let bytes = rest.as_bytes();
        let Some(close) = (Line { bytes }).close(at + 6) else {
            return false;
        };
        rest.replace_range(at..=close, "0");
    }
    let words = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named = |word: &str| !word.starts_with(|c: char| c.is_ascii_digit()) && lower(word);
    !text.is_empty() && !words.filter(|word| !word.is_empty()).any(named) && !rest.contains(['>', '[', '"'])
}

/// The arguments of the call of a function in a part of a line.
pub(crate) fn arguments(text: &str, function: &str) -> Option<Vec<Span>> {
    if !text.is_ascii() {
        return None;
    }
    let line = Line {
        bytes: text.as_bytes(),
    };
    let mut from = 0;
    let open = loop {
        let at = from + text.get(from..)?.find(function)?;
        let end = at + function.len();
        let whole = !is_word(line.byte(at.wrapping_sub(1))) && line.byte(end) == b'(';
        if whole {
            break end;
        }
        from = end;
    };
    let close = line.close(open)?;
    let (mut spans, mut depth, mut start) = (Vec::new(), 0usize, open + 1);
    for at in open + 1..=close {
        match line.byte(at) {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if at < close => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                spans.push(line.trimmed(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = line.trimmed(start..close);
    if !last.is_empty() || !spans.is_empty() {
        spans.push(last);
    }
    Some(spans)
}

/// The text of a span, if it is short enough to name something.
pub(crate) fn name<'t>(text: &'t str, span: &Span) -> Option<&'t str> {
    let name = text.get(span.clone())?.trim();
    let constant = name.starts_with(|c: char| c.is_ascii_digit());
    (!name.is_empty() && name.len() <= LONGEST && !constant).then_some(name)
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

struct Line<'t> {
    bytes: &'t [u8],
}

impl Line<'_> {
    /// The byte at a place, 0 outside.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Back over blanks: the end of what stands before.
    fn skip_back(&self, mut at: usize) -> usize {
        while at > 0 && self.byte(at - 1).is_ascii_whitespace() {
            at -= 1;
        }
        at
    }

    fn skip(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_whitespace() {
            at += 1;
        }
        at
    }

    fn trimmed(&self, span: Span) -> Span {
        let end = self.skip_back(span.end).max(span.start);
        self.skip(span.start).min(end)..end
    }

    /// The place of the bracket that closes the one at `open`.
    fn close(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in open..self.bytes.len() {
            match self.byte(at) {
                b'(' | b'[' => depth += 1,
                b')' | b']' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The place of the bracket that the one at `close` closes.
    fn open(&self, close: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in (0..=close).rev() {
            match self.byte(at) {
                b')' | b']' => depth += 1,
                b'(' | b'[' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Whether the operator at a place has no left operand.
    fn is_prefix(&self, at: usize) -> bool {
        match self.skip_back(at).checked_sub(1).map(|before| self.byte(before)) {
            None => true,
            Some(b')') => {
                // A cast, or a parenthesis.
                let Some(open) = self.open(self.skip_back(at) - 1) else {
                    return false;
                };
                self.byte(self.skip_back(at) - 2) == b'*' || open == 0
            }
            Some(c) if is_word(c) => self.ends_with_return(self.skip_back(at)),
            Some(c) => !b"]\"'".contains(&c),
        }
    }

    fn ends_with_return(&self, end: usize) -> bool {
        self.bytes
            .get(..end)
            .is_some_and(|before| before.ends_with(b"return"))
    }

    /// `<`, `>=`, `==` and the like, and no shift or arrow.
    fn is_comparison(&self, at: usize) -> bool {
        let (before, this, next) = (self.byte(at.wrapping_sub(1)), self.byte(at), self.byte(at + 1));
        match this {
            b'<' => next != b'<' && before != b'<',
            b'>' => next != b'>' && before != b'>' && before != b'-',
            b'=' => next == b'=',
            b'!' => next == b'=',
            _ => false,
        }
    }

    /// `+=` and the like.
    fn is_assignment(&self, at: usize) -> bool {
        let (this, next, third) = (self.byte(at), self.byte(at + 1), self.byte(at + 2));
        b"+-*/%&|^".contains(&this) && next == b'=' && third != b'='
    }

    /// Up to where a statement or argument ends.
    fn rest(&self, from: usize) -> usize {
        let mut depth = 0usize;
        let mut at = from;
        while at < self.bytes.len() {
            match self.byte(at) {
                b'(' | b'[' => depth += 1,
                b')' | b']' if depth == 0 => break,
                b')' | b']' => depth -= 1,
                b';' | b',' | b'?' | b'{' if depth == 0 => break,
                b'&' | b'|' if depth == 0 && self.byte(at + 1) == self.byte(at) => break,
                _ => {}
            }
            at += 1;
        }
        self.skip_back(at).max(from)
    }

    fn word_end(&self, mut at: usize) -> usize {
        while is_word(self.byte(at)) {
            at += 1;
        }
        at
    }

    fn word_start(&self, mut at: usize) -> usize {
        while at > 0 && is_word(self.byte(at - 1)) {
            at -= 1;
        }
        at
    }

    /// A name with what stands before it as its object, and its call or subscript behind it.
    fn word(&self, at: usize) -> Option<Span> {
        let end = self.word_end(at);
        match self.bytes.get(at..end)? {
            b"return" => return Some(self.skip(end)..self.rest(self.skip(end))),
            b"for" | b"while" | b"if" | b"switch" | b"do" => {
                let open = self.skip(end);
                return Some(at..self.close(open).map_or(end, |close| close + 1));
            }
            _ => {}
        }
        let start = self.primary_start(end)?;
        // A subscript is said to be where its object begins: `a->b[i]` at `a`.
        let whole = self.postfix_end(at);
        let subscript = self.bytes.get(end..whole)?.iter().rposition(|c| *c == b']');
        let end = match subscript {
            Some(last) if start == at => end + last + 1,
            _ => self.brackets(end),
        };
        Some(start..end)
    }

    /// Behind calls and subscripts.
    fn brackets(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b'(' | b'[') {
            match self.close(at) {
                Some(close) => at = close + 1,
                None => break,
            }
        }
        at
    }

    /// Behind a name or parenthesis and all its members, calls and subscripts.
    fn postfix_end(&self, at: usize) -> usize {
        let mut end = match self.byte(at) {
            b'(' => self.close(at).map_or(at, |close| close + 1),
            _ => self.word_end(at),
        };
        loop {
            end = self.brackets(end);
            let member = match (self.byte(end), self.byte(end + 1)) {
                (b'-', b'>') => end + 2,
                (b'.', c) if is_word(c) && !c.is_ascii_digit() => end + 1,
                _ => return end,
            };
            end = self.word_end(member);
        }
    }

    fn postfix(&self, at: usize) -> Option<Span> {
        Some(at..self.postfix_end(at))
    }

    /// Behind prefix operators, casts, and what they apply to.
    fn unary_end(&self, at: usize) -> Option<usize> {
        let mut at = self.skip(at);
        while b"*&!~-+".contains(&self.byte(at)) {
            at = self.skip(at + 1);
        }
        if self.byte(at) == b'(' {
            let close = self.close(at)?;
            let next = self.skip(close + 1);
            // A cast has its operand behind it.
            if is_word(self.byte(next)) || b"(*&".contains(&self.byte(next)) && self.byte(close - 1) == b'*' {
                return self.unary_end(next);
            }
        }
        let end = self.postfix_end(at);
        (end > at).then_some(end)
    }

    /// Behind an operand and what it is multiplied with or divided by.
    fn product_end(&self, at: usize) -> Option<usize> {
        let mut end = self.unary_end(at)?;
        loop {
            let operator = self.skip(end);
            let multiplies = b"*/%".contains(&self.byte(operator)) && self.byte(operator + 1) != b'=';
            match self.unary_end(operator + 1).filter(|_| multiplies) {
                Some(further) => end = further,
                None => return Some(end),
            }
        }
    }

    /// Where the operand begins that ends at a place: a name or bracket with its objects.
    fn primary_start(&self, end: usize) -> Option<usize> {
        let mut at = self.skip_back(end);
        loop {
            while at > 0 && matches!(self.byte(at - 1), b')' | b']') {
                at = self.open(at - 1)?;
            }
            at = self.word_start(at);
            let object = at.checked_sub(2).map(|two| (self.byte(two), self.byte(two + 1)));
            match object {
                Some((b'-', b'>')) => at -= 2,
                Some((_, b'.')) => at -= 1,
                _ => break,
            }
        }
        // `*p`, `&x`
        while at > 0 && b"*&".contains(&self.byte(at - 1)) && self.is_prefix(at - 1) && at < end {
            at -= 1;
        }
        Some(at)
    }

    /// A binary operator's operands. Comparisons take all of either side, sums all of the left one.
    fn binary(&self, at: usize) -> Option<Span> {
        let operator_end = match (self.byte(at), self.byte(at + 1)) {
            (a, b) if b == b'=' || a == b => at + 2,
            _ => at + 1,
        };
        let compares = matches!(self.byte(at), b'<' | b'>' | b'=' | b'!') && {
            let shift = self.byte(at) == self.byte(at + 1) && self.byte(at) != b'=';
            !shift
        };
        let wide = compares || matches!(self.byte(at), b'+' | b'-');
        let start = if wide {
            self.left(at)
        } else {
            self.primary_start(at)?
        };
        if self.skip(start) >= at {
            return None; // the left operand stands on another line
        }
        let end = if compares {
            self.rest(operator_end)
        } else if wide {
            self.product_end(operator_end)?
        } else {
            self.unary_end(operator_end)?
        };
        Some(self.skip(start)..end)
    }

    /// Where the left side of an operator begins.
    fn left(&self, at: usize) -> usize {
        let (mut depth, mut at) = (0usize, at);
        while at > 0 {
            let c = self.byte(at - 1);
            match c {
                b')' | b']' => depth += 1,
                b'(' | b'[' if depth == 0 => break,
                b'(' | b'[' => depth -= 1,
                b'<' | b'>' if self.byte(at) == c || self.byte(at.wrapping_sub(2)) == c => {} // a shift
                b',' | b';' | b'=' | b'?' | b':' | b'{' | b'<' if depth == 0 => break,
                b'>' if depth == 0 && self.byte(at.wrapping_sub(2)) != b'-' => break,
                b'&' | b'|' if depth == 0 && self.byte(at.wrapping_sub(2)) == c => break,
                _ if depth == 0 && self.ends_with_return(at) => break,
                _ => {}
            }
            at -= 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'t>(text: &'t str, marked: &str) -> &'t str {
        let column = text.find(marked).unwrap() as u32 + 1;
        let span = at_column(text, column).unwrap_or(0..0);
        &text[span]
    }

    #[test]
    fn expressions() {
        let text = "\tvoid *data = (void *)(long)ctx->data, *end = x;";
        assert_eq!(at(text, "data,"), "ctx->data");
        assert_eq!(
            at("\ttotal = *(opts + step + 1);", "*(opts"),
            "*(opts + step + 1)"
        );
        assert_eq!(at("\tcursor = opts + step;", "+ step"), "opts + step");
        assert_eq!(at("\tstep = opts[1] & 31;", "opts"), "opts[1]");
        assert_eq!(at("\tstep = opts[1] & 31;", "& 31"), "opts[1] & 31");
        assert_eq!(
            at("\tif ((void *)(cursor + 2) > end)", "> end"),
            "(void *)(cursor + 2) > end"
        );
        assert_eq!(at("\tif (!s) {", "!s"), "!s");
        assert_eq!(
            at("\tino = mm->exe_file->f_inode->i_ino;", "f_inode"),
            "mm->exe_file->f_inode"
        );
        assert_eq!(at("\t\tpos += n;", "+= n"), "pos += n");
        assert_eq!(at("\ts->runs++;", "++"), "s->runs++");
        assert_eq!(
            at("\tlong n = f(b->text + pos, 255);", "f("),
            "f(b->text + pos, 255)"
        );
        assert_eq!(at("\treturn *next == 7 ? 2 : 0;", "*next"), "*next");
        assert_eq!(at("\t\tif (*p == '\\n')", "=="), "*p == '\\n'");
        assert_eq!(at("\treturn total == 8 ? A : B;", "total"), "total");
        assert_eq!(at("\tx = y * 4;", "* 4"), "y * 4");
        assert_eq!(at("\tlong n = ctx->args[2];", "ctx"), "ctx->args[2]");
        assert_eq!(at("\treturn e->buf[x].y;", "e->"), "e->buf[x]");
        assert_eq!(at("\treturn e->buf[x].y;", "y;"), "e->buf[x].y");
        assert_eq!(at("\t\t>> 8;", ">> 8"), "");
        assert_eq!(
            at("\tt = (void *)ip + ip->ihl * 4;", "+ ip"),
            "(void *)ip + ip->ihl * 4"
        );
    }

    #[test]
    fn comparisons_with_constants() {
        let of = |text: &str, marked: &str| {
            let span = at_column(text, text.find(marked).unwrap() as u32 + 1).unwrap();
            compared(text, &span).map(|span| text[span].to_owned())
        };
        assert_eq!(of("\tif (n > 64)", "> 64"), Some("n".into()));
        assert_eq!(of("\tif (n > sizeof(e->buf) + 1)", "> s"), Some("n".into()));
        assert_eq!(of("\tif (MAX < e->len)", "< e"), Some("e->len".into()));
        assert_eq!(of("\tif (a < b)", "< b"), None);
        assert_eq!(of("\tif (x >> 3 == 0)", "== 0"), Some("x >> 3".into()));
    }

    #[test]
    fn objects() {
        assert_eq!(object("tcp->dest"), Some("tcp"));
        assert_eq!(object("mm->exe_file->f_inode"), Some("mm->exe_file"));
        assert_eq!(object("*v"), Some("v"));
        assert_eq!(object("e->buf[x]"), None);
        assert_eq!(object("a + b->c"), None);
        assert_eq!(object("p->n = 1"), Some("p"));
    }

    #[test]
    fn assignments() {
        let to = |text: &str, marked: &str| {
            let span = at_column(text, text.find(marked).unwrap() as u32 + 1).unwrap();
            assigned_to(text, &span).map(|span| text[span].to_owned())
        };
        assert_eq!(to("\tlong n = f(x);", "f("), Some("n".into()));
        assert_eq!(to("\tstruct t *task = (void *)f();", "f("), Some("task".into()));
        assert_eq!(to("\ts = g(&m, &id); /* c */", "g("), Some("s".into()));
        assert_eq!(to("\tif (!(p = f(x)))", "f("), Some("p".into()));
        assert_eq!(to("\tif (f(x) == 2)", "f("), None);
        assert_eq!(to("\ta->b = f(x);", "f("), Some("a->b".into()));
        assert_eq!(to("\tstruct s f = {}, *s = g(&x);", "g("), Some("s".into()));
        assert_eq!(to("\t*n = g(&x);", "g("), Some("*n".into()));
        assert_eq!(to("\tconst char **v = (void *)f();", "f("), Some("v".into()));
        assert_eq!(to("\tino = mm->exe_file->f_inode;", "exe_file"), None);
        assert_eq!(to("\tsum += *n;", "*n"), None);
        let text = "\tpos += n;";
        assert_eq!(changed(text, &(1..9)).map(|s| &text[s]), Some("pos"));
        let text = "for (i = 0; i < 8; i++) {";
        assert_eq!(changed(text, &(19..22)).map(|s| &text[s]), Some("i"));
    }

    #[test]
    fn call_arguments() {
        let text = "\tbpf_skb_output(skb, &out, (a << 32) | F(b, c), &len, sizeof(len));";
        let found: Vec<_> = arguments(text, "bpf_skb_output")
            .unwrap()
            .into_iter()
            .map(|s| &text[s])
            .collect();
        assert_eq!(
            found,
            ["skb", "&out", "(a << 32) | F(b, c)", "&len", "sizeof(len)"]
        );
        assert_eq!(arguments("x_f(a)", "f"), None);
        assert_eq!(arguments("f()", "f").map(|a| a.len()), Some(0));
        assert_eq!(arguments("f(a,", "f"), None);
    }

    #[test]
    fn any_text_is_taken() {
        for text in [
            "", "))((", "[]->.", "a->", "->", "((((", "\u{e4}bc", "= = =", "&&&&", "*", "a[b[c",
        ] {
            for column in 0..12 {
                if let Some(span) = at_column(text, column) {
                    assigned_to(text, &span);
                    changed(text, &span);
                }
            }
            arguments(text, "a");
        }
    }
}
