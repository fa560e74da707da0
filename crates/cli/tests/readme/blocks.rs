//! Fenced blocks of a page.

/// A block that the tests do something with.
#[derive(Debug, PartialEq)]
pub(crate) enum Block {
    /// ```` ```console ````: commands behind `$ `, with what they print.
    Console(Vec<Example>),
    /// ```` ```LANGUAGE file=NAME ````: a file that later commands read.
    File { name: String, text: String },
    /// ```` ```sh ````: commands that are not run here, with the number of each one's line.
    Sh(Vec<(usize, String)>),
    /// ```` ```LANGUAGE ````: anything else.
    Other { language: String, text: String },
}

/// A command with what the page shows of its output.
#[derive(Debug, PartialEq)]
pub(crate) struct Example {
    /// The number of its line.
    pub(crate) line: usize,
    pub(crate) command: String,
    /// What is shown; `…` is for lines that are left out.
    pub(crate) shown: Vec<String>,
    /// The index of the first shown line.
    pub(crate) at: usize,
}

/// All fenced blocks of a page.
///
/// # Errors
/// Names the line of a fence that is not closed, or of output without a command.
pub(crate) fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((start, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let mut inside = Vec::new();
        loop {
            match lines.next() {
                Some((_, "```")) => break,
                Some(line) => inside.push(line),
                None => return Err(format!("{}: the block is not closed", start + 1)),
            }
        }
        found.push(block(info, &inside).map_err(|error| format!("{}: {error}", start + 1))?);
    }
    Ok(found)
}

fn block(info: &str, lines: &[(usize, &str)]) -> Result<Block, String> {
    let text = || lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
    Ok(match (language, rest.strip_prefix("file=")) {
        (_, Some(name)) => Block::File {
            name: name.to_owned(),
            text: text(),
        },
        ("console", None) => Block::Console(console(lines)?),
        ("sh", None) => Block::Sh(
            lines
                .iter()
                .map(|(at, line)| (at + 1, (*line).to_owned()))
                .collect(),
        ),
        ("", None) => return Err("the block names no language".to_owned()),
        (language, None) => Block::Other {
            language: language.to_owned(),
            text: text(),
        },
    })
}

fn console(lines: &[(usize, &str)]) -> Result<Vec<Example>, String> {
    let mut found: Vec<Example> = Vec::new();
    let mut lines = lines.iter();
    while let Some((at, line)) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            let mut last = *at;
            while command.ends_with('\\')
                && let Some((at, more)) = lines.next()
            {
                command = format!("{command}\n{more}");
                last = *at;
            }
            found.push(Example {
                line: at + 1,
                command,
                shown: Vec::new(),
                at: last + 1,
            });
        } else {
            let example = found.last_mut().ok_or("output without a command")?;
            example.shown.push((*line).to_owned());
        }
    }
    for example in &mut found {
        // An empty line ends an example before the next command.
        let end = example.shown.iter().rposition(|line| !line.is_empty());
        example.shown.truncate(end.map_or(0, |last| last + 1));
    }
    Ok(found)
}

#[test]
fn a_page_has_blocks() {
    let page = "text\n```toml file=a/b.toml\nx = 1\n```\n```console\n$ one \\\n  two\nout\n\n$ three\n```\n```c\nint x;\n```\n";
    let example = |line, command: &str, shown: &[&str], at| Example {
        line,
        command: command.to_owned(),
        shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        at,
    };
    assert_eq!(
        blocks(page).unwrap(),
        [
            Block::File {
                name: "a/b.toml".to_owned(),
                text: "x = 1\n".to_owned()
            },
            Block::Console(vec![
                example(6, "one \\\n  two", &["out"], 7),
                example(10, "three", &[], 10)
            ]),
            Block::Other {
                language: "c".to_owned(),
                text: "int x;\n".to_owned()
            },
        ]
    );
    assert!(blocks("```console\nout\n```\n").is_err());
    assert!(blocks("```console\n$ a\n").is_err());
}
