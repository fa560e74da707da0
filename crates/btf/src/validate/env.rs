//! What the steps of a check share: the bytes, the types found so far, and the log.

use std::fmt::{Arguments, Write};

use super::raw::{Raw, RawMember, RawVar};
use super::{Check, Rules};
use crate::Kind;
use crate::error::errno;
use crate::parse::{HEADER_LEN, Header, MAGIC};

/// The largest type number.
pub(super) const MAX_TYPE: u32 = 0x000f_ffff;
/// The largest offset of a name.
pub(super) const MAX_NAME_OFFSET: u32 = 0x00ff_ffff;
/// Longest name.
const NAME_LEN: usize = 512;
/// The kernel writes to the log through a buffer that holds this much of a piece.
const MAX_PIECE: usize = 1023;
/// A log keeps at least this much of its end.
const MAX_LOG: usize = 16 << 20;

/// The state of a check.
pub(super) struct Env<'a> {
    data: &'a [u8],
    /// What follows the header.
    body: &'a [u8],
    header: Header,
    strings: &'a [u8],
    /// What differs between kernels.
    rules: Rules,
    /// Where each type begins in the type section, `void` left out.
    starts: Vec<u32>,
    log: Option<String>,
    /// The type that messages are about.
    pub(super) current: u32,
    /// Whether the types were printed already: then a message about a part says which type it is of.
    pub(super) printed: bool,
}

impl<'a> Env<'a> {
    /// The rules of the kernel.
    pub(super) fn rules(&self) -> Rules {
        self.rules
    }
    pub(super) fn new(data: &'a [u8], rules: Rules, logging: bool) -> Env<'a> {
        Env {
            data,
            rules,
            body: &[],
            header: Header {
                hdr_len: 0,
                type_off: 0,
                type_len: 0,
                str_off: 0,
                str_len: 0,
            },
            strings: &[],
            starts: Vec::new(),
            log: logging.then(String::new),
            current: 0,
            printed: false,
        }
    }

    pub(super) fn into_log(self) -> String {
        self.log.unwrap_or_default()
    }

    pub(super) fn logging(&self) -> bool {
        self.log.is_some()
    }

    /// Writes to the log.
    pub(super) fn say(&mut self, text: Arguments<'_>) {
        if let Some(log) = &mut self.log {
            // A String never fails to take more.
            let _ = log.write_fmt(text);
            if log.len() > 2 * MAX_LOG {
                log.drain(..log.floor_char_boundary(log.len() - MAX_LOG));
            }
        }
    }

    /// Refuses with a message that stands alone.
    pub(super) fn refuse<T>(&mut self, text: &str) -> Check<T> {
        self.say(format_args!("{text}"));
        Err(errno::EINVAL)
    }

    pub(super) fn check_header(&mut self) -> Check {
        let data = self.data;
        let size = data.len() as u32;
        if data.len() < 8 {
            return self.refuse("hdr_len not found");
        }
        let hdr_len = crate::ty::word(data, 4);
        let Some((head, body)) = data.split_at_checked(hdr_len as usize) else {
            return self.refuse("btf_header not found");
        };
        if head.get(HEADER_LEN..).unwrap_or_default().iter().any(|&b| b != 0) {
            self.say(format_args!("Unsupported btf_header"));
            return Err(errno::E2BIG);
        }
        // Of a shorter header the rest counts as zeros.
        let mut words = [0u8; HEADER_LEN];
        for (to, from) in words.iter_mut().zip(head) {
            *to = *from;
        }
        self.header = Header::read(&words);
        self.body = body;
        let first = crate::ty::word(&words, 0);
        let (magic, version, flags) = (first & 0xffff, first >> 16 & 0xff, first >> 24);
        self.say_header(magic, version, flags, size);
        if magic != u32::from(MAGIC) {
            return self.refuse("Invalid magic");
        }
        if version != 1 {
            self.say(format_args!("Unsupported version"));
            return Err(errno::ENOTSUPP);
        }
        if flags != 0 {
            self.say(format_args!("Unsupported flags"));
            return Err(errno::ENOTSUPP);
        }
        if self.body.is_empty() {
            return self.refuse("No data");
        }
        self.check_sections()
    }

    fn say_header(&mut self, magic: u32, version: u32, flags: u32, size: u32) {
        let h = &self.header;
        let (hdr_len, type_off, type_len) = (h.hdr_len, h.type_off, h.type_len);
        let (str_off, str_len) = (h.str_off, h.str_len);
        self.say(format_args!(
            "magic: 0x{magic:x}\nversion: {version}\nflags: 0x{flags:x}\nhdr_len: {hdr_len}\ntype_off: {type_off}\n\
             type_len: {type_len}\nstr_off: {str_off}\nstr_len: {str_len}\nbtf_total_size: {size}\n"
        ));
    }

    /// The two sections follow each other and fill what follows the header.
    fn check_sections(&mut self) -> Check {
        let h = &self.header;
        let mut sections = [(h.type_off, h.type_len), (h.str_off, h.str_len)];
        let order = |a: u32, b: u32| a.wrapping_sub(b) as i32;
        let [a, b] = sections;
        if order(a.0, b.0) > 0 || (a.0 == b.0 && order(a.1, b.1) > 0) {
            sections = [b, a];
        }
        let expected = self.body.len() as u32;
        let mut total = 0u32;
        for (off, len) in sections {
            if expected < off {
                return self.refuse("Invalid section offset");
            }
            if total < off {
                return self.refuse("Unsupported section found");
            }
            if total > off {
                return self.refuse("Section overlap found");
            }
            if expected - total < len {
                return self.refuse("Total section length too long");
            }
            total += len;
        }
        if expected != total {
            return self.refuse("Unsupported section found");
        }
        Ok(())
    }

    pub(super) fn check_strings(&mut self) -> Check {
        let (off, len) = (self.header.str_off as usize, self.header.str_len as usize);
        let strings = self.body.get(off..).unwrap_or_default();
        if strings.len() != len {
            return self.refuse("String section is not at the end");
        }
        let too_long = len > MAX_NAME_OFFSET as usize + 1;
        if too_long || strings.last() != Some(&0) || strings.first() != Some(&0) {
            return self.refuse("Invalid string section");
        }
        self.strings = strings;
        Ok(())
    }

    /// The type section, if it is where types may be.
    pub(super) fn type_section(&mut self) -> Check<&'a [u8]> {
        let (off, len) = (self.header.type_off as usize, self.header.type_len as usize);
        if !off.is_multiple_of(4) {
            return self.refuse("Unaligned type_off");
        }
        if len == 0 {
            return self.refuse("No type found");
        }
        Ok(self.body.get(off..off.saturating_add(len)).unwrap_or_default())
    }

    /// Numbers the type that begins at `start` of the type section.
    pub(super) fn add_type(&mut self, start: usize) {
        if self.count() == MAX_TYPE {
            // The kernel says so, forgets the type and goes on.
            self.say(format_args!("Exceeded max num of types"));
            return;
        }
        self.starts.push(start as u32);
    }

    /// Number of types, `void` included.
    pub(super) fn count(&self) -> u32 {
        self.starts.len() as u32 + 1
    }

    /// The type of that number.
    pub(super) fn ty(&self, id: u32) -> Option<Raw<'a>> {
        let Some(index) = id.checked_sub(1) else {
            return Some(Raw::VOID);
        };
        let start = *self.starts.get(index as usize)? as usize;
        let (off, len) = (self.header.type_off as usize, self.header.type_len as usize);
        Raw::read(
            self.body
                .get(off.saturating_add(start)..off.saturating_add(len))?,
        )
    }

    /// The string at an offset, of a longer one its first `limit` bytes; `None` beyond the strings.
    fn string(&self, offset: u32, limit: usize) -> Option<&'a [u8]> {
        let tail = self.strings.get(offset as usize..).filter(|t| !t.is_empty())?;
        let tail = tail.get(..limit).unwrap_or(tail);
        tail.split(|&b| b == 0).next()
    }

    /// Whether there is a string, and not an empty one, at an offset.
    pub(super) fn has_text(&self, offset: u32) -> bool {
        self.string(offset, 1).is_some_and(|s| !s.is_empty())
    }

    pub(super) fn name_off_valid(&self, offset: u32) -> bool {
        offset <= MAX_NAME_OFFSET && (offset as usize) < self.strings.len()
    }

    /// Whether there is a C identifier at an offset; dots are allowed, too.
    pub(super) fn is_identifier(&self, offset: u32) -> bool {
        let Some((&first, rest)) = self.string(offset, NAME_LEN + 1).and_then(|s| s.split_first()) else {
            return false;
        };
        let letter = |c: u8| is_alpha(c) || c == b'_' || c == b'.';
        letter(first) && rest.len() < NAME_LEN && rest.iter().all(|&c| letter(c) || c.is_ascii_digit())
    }

    /// Whether the kernel knows types of this kind.
    pub(super) fn knows(&self, kind: u32) -> bool {
        kind < self.rules.kinds
    }

    /// Whether there is a name for a section at an offset.
    pub(super) fn is_section_name(&self, offset: u32) -> bool {
        if !self.rules.printable_sections {
            return self.is_identifier(offset);
        }
        let printable = |&c: &u8| matches!(c, 0x20..=0x7e | 0xa0..);
        self.string(offset, NAME_LEN + 1)
            .is_some_and(|s| !s.is_empty() && s.len() <= NAME_LEN && s.iter().all(printable))
    }

    /// The name at an offset as messages have it.
    fn shown_name(&self, offset: u32) -> String {
        if offset == 0 {
            return "(anon)".into();
        }
        match self.string(offset, MAX_PIECE) {
            Some(name) => String::from_utf8_lossy(name).into_owned(),
            None => "(invalid-name-offset)".into(),
        }
    }

    /// Writes the line of a type; `note` says what is wrong with it.
    pub(super) fn say_type(&mut self, ty: Raw<'_>, note: &str) {
        if !self.logging() {
            return;
        }
        let details = self.details(ty);
        let line = format!("{} {details}", self.heading(ty));
        let space = if note.is_empty() { "" } else { " " };
        self.say(format_args!("{line}{space}{note}\n"));
    }

    /// Writes the line of a type that may be cut short.
    pub(super) fn say_basic(&mut self, ty: Raw<'_>, note: &str) {
        if self.logging() {
            let heading = self.heading(ty);
            self.say(format_args!("{heading} {note}\n"));
        }
    }

    fn heading(&self, ty: Raw<'_>) -> String {
        format!(
            "[{}] {} {}",
            self.current,
            ty.kind().kernel_name(),
            self.shown_name(ty.name_off)
        )
    }

    fn details(&self, ty: Raw<'_>) -> String {
        match ty.kind() {
            Kind::Int => format!(
                "size={} bits_offset={} nr_bits={} encoding={}",
                ty.aux,
                ty.int_offset(),
                ty.int_bits(),
                match ty.int_encoding() {
                    0 => "(none)",
                    1 => "SIGNED",
                    2 => "CHAR",
                    4 => "BOOL",
                    _ => "UNKN",
                }
            ),
            Kind::Ptr
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::TypeTag
            | Kind::Func => format!("type_id={}", ty.aux),
            Kind::Fwd => if ty.kflag() { "union" } else { "struct" }.into(),
            Kind::Array => {
                let (elem, index, nelems) = ty.array();
                format!("type_id={elem} index_type_id={index} nr_elems={nelems}")
            }
            Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::DataSec => {
                format!("size={} vlen={}", ty.aux, ty.vlen())
            }
            Kind::FuncProto => self.proto_details(ty),
            Kind::Var => format!("type_id={} linkage={}", ty.aux, ty.data()),
            Kind::Float => format!("size={}", ty.aux),
            Kind::DeclTag => format!("type={} component_idx={}", ty.aux, ty.data() as i32),
            Kind::Void => String::new(),
        }
    }

    fn proto_details(&self, ty: Raw<'_>) -> String {
        let shown = |index: u32| {
            let (name, ty) = ty.param(index);
            format!("{ty} {}", self.shown_name(name))
        };
        let count = ty.vlen();
        let vararg = count > 0 && ty.param(count - 1).1 == 0;
        let mut args = (0..count).map(shown).collect::<Vec<_>>();
        if let Some(last) = args.last_mut().filter(|_| vararg) {
            *last = "vararg".into();
        }
        if args.is_empty() {
            args.push("void".into());
        }
        format!("return={} args=({})", ty.aux, args.join(", "))
    }

    /// Writes the line of a member.
    pub(super) fn say_member(&mut self, of: Raw<'_>, member: RawMember, note: &str) {
        if !self.logging() {
            return;
        }
        if self.printed {
            self.say_type(of, "");
        }
        let name = self.shown_name(member.name_off);
        let offset = if of.kflag() {
            format!(
                "bitfield_size={} bits_offset={}",
                member.bitfield_size(),
                member.bit_offset()
            )
        } else {
            format!("bits_offset={}", member.offset)
        };
        let space = if note.is_empty() { "" } else { " " };
        self.say(format_args!(
            "\t{name} type_id={} {offset}{space}{note}\n",
            member.ty
        ));
    }

    /// Writes the line of a data section's variable.
    pub(super) fn say_var(&mut self, of: Raw<'_>, var: RawVar, note: &str) {
        if !self.logging() {
            return;
        }
        if self.printed {
            self.say_type(of, "");
        }
        let space = if note.is_empty() { "" } else { " " };
        let RawVar { ty, offset, size } = var;
        self.say(format_args!(
            "\t type_id={ty} offset={offset} size={size}{space}{note}\n"
        ));
    }

    /// Writes the line of an enumerator.
    pub(super) fn say_enumerator(&mut self, name_off: u32, value: &str) {
        if self.logging() {
            let name = self.shown_name(name_off);
            self.say(format_args!("\t{name} val={value}\n"));
        }
    }

    /// Refuses a type.
    pub(super) fn bad_type<T>(&mut self, ty: Raw<'_>, note: &str) -> Check<T> {
        self.say_type(ty, note);
        Err(errno::EINVAL)
    }

    /// Refuses a member.
    pub(super) fn bad_member<T>(&mut self, of: Raw<'_>, member: RawMember, note: &str) -> Check<T> {
        self.say_member(of, member, note);
        Err(errno::EINVAL)
    }

    /// Refuses a data section's variable.
    pub(super) fn bad_var<T>(&mut self, of: Raw<'_>, var: RawVar, note: &str) -> Check<T> {
        self.say_var(of, var, note);
        Err(errno::EINVAL)
    }
}

/// A letter to the kernel, whose characters are those of Latin-1.
fn is_alpha(c: u8) -> bool {
    c.is_ascii_alphabetic() || (c >= 0xc0 && c != 0xd7 && c != 0xf7)
}
