//! How text looks: how much of it there is, and in which colours.

use anstyle::{AnsiColor, Style};

/// How text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Everything, not the short form.
    pub verbose: bool,
    /// A line for each program, without reasons.
    pub quiet: bool,
    /// With the escape sequences that colour it on terminals.
    pub colour: bool,
}

impl Look {
    /// The short form, without colours.
    pub const PLAIN: Look = Look {
        verbose: false,
        quiet: false,
        colour: false,
    };

    /// The style of a part of the text. It writes nothing where there are no colours.
    pub fn style(self, part: Part) -> Style {
        match self.colour {
            true => part.style(),
            false => Style::new(),
        }
    }

    /// A piece of text, as that part.
    pub fn paint<T: std::fmt::Display>(self, part: Part, text: T) -> impl std::fmt::Display {
        let style = self.style(part);
        Painted { style, text }
    }
}

struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: std::fmt::Display> std::fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}{:#}", self.style, self.text, self.style)
    }
}

/// What a piece of text is: rustc's parts, and the ends that a program may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// That something is rejected, or fails, and the code of the rule.
    Error,
    /// That nothing can be said.
    Warning,
    /// That something is accepted, or passes.
    Good,
    /// What stands above or in front of other text.
    Heading,
    /// Line numbers, arrows and bars beside the source.
    Gutter,
    /// What is wrong with the place that is wrong.
    Primary,
    /// What is said of other places.
    Secondary,
    /// What leads a remedy in.
    Help,
    /// What is there for completeness.
    Faint,
}

impl Part {
    fn style(self) -> Style {
        let bold = Style::new().bold();
        match self {
            Part::Error | Part::Primary => bold.fg_color(Some(AnsiColor::BrightRed.into())),
            Part::Warning => bold.fg_color(Some(AnsiColor::Yellow.into())),
            Part::Good => bold.fg_color(Some(AnsiColor::Green.into())),
            Part::Heading => bold,
            Part::Gutter | Part::Secondary => bold.fg_color(Some(AnsiColor::BrightBlue.into())),
            Part::Help => bold.fg_color(Some(AnsiColor::BrightCyan.into())),
            Part::Faint => Style::new().dimmed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_there_is_the_text_alone() {
        assert_eq!(Look::PLAIN.paint(Part::Error, "no").to_string(), "no");
        let look = Look {
            colour: true,
            ..Look::PLAIN
        };
        assert_eq!(
            look.paint(Part::Error, "no").to_string(),
            "\u{1b}[1m\u{1b}[91mno\u{1b}[0m"
        );
    }
}
