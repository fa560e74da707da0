//! A command line as GNU programs take it: `-qe SPEC`, `-n5`, `--emit=SPEC`, `--emi SPEC`, operands anywhere, `--`.

/// Whether an option has an argument.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Argument,
    /// Only behind `=`.
    Maybe,
}

/// An option.
pub(super) struct Opt<K> {
    pub(super) key: K,
    pub(super) short: Option<char>,
    pub(super) long: &'static str,
    pub(super) takes: Takes,
}

/// A part of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<K> {
    Option(K, Option<String>),
    Operand(String),
}

/// The parts of a command line, in order.
///
/// # Errors
/// Says in GNU's words what is wrong with the first option that is none.
pub(super) fn parse<K: Copy>(options: &[Opt<K>], arguments: &[String]) -> Result<Vec<Item<K>>, String> {
    let mut items = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            items.extend(arguments.by_ref().cloned().map(Item::Operand));
        } else if let Some(long) = argument.strip_prefix("--") {
            items.push(parse_long(options, long, || arguments.next().cloned())?);
        } else if let Some(cluster) = argument.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            parse_cluster(options, cluster, &mut items, || arguments.next().cloned())?;
        } else {
            items.push(Item::Operand(argument.clone()));
        }
    }
    Ok(items)
}

fn parse_long<K: Copy>(
    options: &[Opt<K>],
    text: &str,
    next: impl FnOnce() -> Option<String>,
) -> Result<Item<K>, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let option = find_long(options, name)?;
    let long = option.long;
    let value = match (option.takes, value) {
        (Takes::Nothing, Some(_)) => return Err(format!("option '--{long}' doesn't allow an argument")),
        (Takes::Argument, None) => {
            Some(next().ok_or_else(|| format!("option '--{long}' requires an argument"))?)
        }
        (_, value) => value,
    };
    Ok(Item::Option(option.key, value))
}

/// The option of that name, or the only one whose name starts so.
fn find_long<'o, K>(options: &'o [Opt<K>], name: &str) -> Result<&'o Opt<K>, String> {
    if let Some(option) = options.iter().find(|option| option.long == name) {
        return Ok(option);
    }
    let fitting: Vec<_> = options
        .iter()
        .filter(|option| option.long.starts_with(name))
        .collect();
    match fitting.as_slice() {
        [] => Err(format!("unrecognized option '--{name}'")),
        [option] => Ok(option),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|option| format!("'--{}'", option.long))
                .collect();
            let names = names.join(" ");
            Err(format!("option '--{name}' is ambiguous; possibilities: {names}"))
        }
    }
}

fn parse_cluster<K: Copy>(
    options: &[Opt<K>],
    cluster: &str,
    items: &mut Vec<Item<K>>,
    next: impl FnOnce() -> Option<String>,
) -> Result<(), String> {
    let mut letters = cluster.chars();
    while let Some(letter) = letters.next() {
        let option = options
            .iter()
            .find(|option| option.short == Some(letter))
            .ok_or_else(|| format!("invalid option -- '{letter}'"))?;
        if option.takes != Takes::Argument {
            items.push(Item::Option(option.key, None));
            continue;
        }
        let rest = letters.as_str();
        let value = if rest.is_empty() {
            next().ok_or_else(|| format!("option requires an argument -- '{letter}'"))?
        } else {
            rest.to_owned()
        };
        items.push(Item::Option(option.key, Some(value)));
        return Ok(());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: [Opt<char>; 4] = [
        Opt {
            key: 'q',
            short: Some('q'),
            long: "quiet",
            takes: Takes::Nothing,
        },
        Opt {
            key: 'e',
            short: Some('e'),
            long: "emit",
            takes: Takes::Argument,
        },
        Opt {
            key: 'd',
            short: None,
            long: "dump",
            takes: Takes::Maybe,
        },
        Opt {
            key: 'u',
            short: None,
            long: "quick",
            takes: Takes::Nothing,
        },
    ];

    fn parsed(line: &str) -> Result<Vec<Item<char>>, String> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        parse(&OPTIONS, &words)
    }

    #[test]
    fn forms() {
        let emit = |value: &str| Item::Option('e', Some(value.to_owned()));
        let operand = |text: &str| Item::Operand(text.to_owned());
        let quiet = || Item::Option('q', None);
        assert_eq!(parsed("-qe a x").unwrap(), [quiet(), emit("a"), operand("x")]);
        assert_eq!(parsed("x -ea -q").unwrap(), [operand("x"), emit("a"), quiet()]);
        assert_eq!(
            parsed("--emit=a --em b --quie").unwrap(),
            [emit("a"), emit("b"), quiet()]
        );
        assert_eq!(parsed("- -- -q").unwrap(), [operand("-"), operand("-q")]);
        assert_eq!(
            parsed("--dump --dump=x y").unwrap(),
            [
                Item::Option('d', None),
                Item::Option('d', Some("x".to_owned())),
                operand("y")
            ]
        );
    }

    #[test]
    fn errors() {
        let error = |line| parsed(line).unwrap_err();
        assert_eq!(error("-z"), "invalid option -- 'z'");
        assert_eq!(error("-qe"), "option requires an argument -- 'e'");
        assert_eq!(error("--emit"), "option '--emit' requires an argument");
        assert_eq!(error("--quiet=1"), "option '--quiet' doesn't allow an argument");
        assert_eq!(error("--nope"), "unrecognized option '--nope'");
        assert_eq!(
            error("--qui"),
            "option '--qui' is ambiguous; possibilities: '--quiet' '--quick'"
        );
    }
}
