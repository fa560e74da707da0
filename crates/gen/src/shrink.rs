//! A smaller program that shows the same.
//!
//! Lines of a text are left out as long as what is left still shows what is looked for (delta debugging): first large parts, then
//! smaller ones, in the end single lines. Whether it does is asked of many candidates at once, as asking a kernel takes long.

/// A text of which parts are left out.
#[derive(Clone, Debug)]
pub struct Shrink {
    lines: Vec<String>,
    /// Into how many parts the lines are divided at present.
    parts: usize,
    /// Whether single lines were tried, and none could go.
    done: bool,
}

impl Shrink {
    /// Begins with a text.
    pub fn new(text: &str) -> Shrink {
        Shrink {
            lines: text.lines().map(str::to_owned).collect(),
            parts: 2,
            done: false,
        }
    }

    /// What is left.
    pub fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// Whether no line can go.
    pub fn is_done(&self) -> bool {
        self.done || self.lines.len() < 2
    }

    /// Smaller texts to try: each lacks one of the parts.
    pub fn candidates(&self) -> Vec<String> {
        self.ranges()
            .map(|(from, to)| {
                let kept = self.lines.iter().take(from).chain(self.lines.iter().skip(to));
                kept.map(|line| format!("{line}\n")).collect()
            })
            .collect()
    }

    /// Says which of the candidates still show what is looked for. Of those, as many parts are left out together as `still`
    /// agrees to: it is asked about each step.
    pub fn keep(&mut self, shows: &[bool], mut still: impl FnMut(&str) -> bool) {
        let ranges: Vec<_> = self.ranges().collect();
        let mut gone = vec![false; self.lines.len()];
        let mut some = false;
        for ((from, to), _) in ranges.iter().zip(shows).filter(|(_, shows)| **shows) {
            let mut next = gone.clone();
            next.iter_mut()
                .take(*to)
                .skip(*from)
                .for_each(|gone| *gone = true);
            // The first one was tried alone.
            if !some || still(&self.without(&next)) {
                (gone, some) = (next, true);
            }
        }
        if some {
            let mut gone = gone.into_iter();
            self.lines.retain(|_| !gone.next().unwrap_or(false));
            self.parts = self.parts.min(self.lines.len()).max(2);
        } else if self.parts >= self.lines.len() {
            self.done = true;
        } else {
            self.parts = (self.parts * 2).min(self.lines.len());
        }
    }

    fn without(&self, gone: &[bool]) -> String {
        let kept = self.lines.iter().zip(gone).filter(|(_, gone)| !**gone);
        kept.map(|(line, _)| format!("{line}\n")).collect()
    }

    fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (len, parts) = (self.lines.len(), self.parts.max(1));
        (0..parts)
            .map(move |part| (part * len / parts, (part + 1) * len / parts))
            .filter(|(from, to)| from < to)
    }
}

#[cfg(test)]
mod tests {
    use super::Shrink;

    /// What is looked for is found, whatever stands around it.
    #[test]
    fn only_what_is_needed_is_left() {
        let text: String = (0..100).map(|n| format!("{n}\n")).collect();
        let shows = |text: &str| {
            ["7", "8", "63"]
                .iter()
                .all(|wanted| text.lines().any(|line| line == *wanted))
        };
        let mut shrink = Shrink::new(&text);
        let mut rounds = 0;
        while !shrink.is_done() {
            let found: Vec<bool> = shrink.candidates().iter().map(|text| shows(text)).collect();
            shrink.keep(&found, shows);
            rounds += 1;
            assert!(rounds < 100);
        }
        assert_eq!(shrink.text(), "7\n8\n63\n");
    }
}
