//! Objects where users have them: in binaries, archives and directories.

use std::fs;
use std::path::{Path, PathBuf};

use verdict::{distinct_names, object_name, objects_in, read_object};

fn object(name: &str) -> Vec<u8> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    fs::read(corpus.join(name)).unwrap()
}

/// A directory that is gone when it is dropped.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("verdict-files-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // Left behind it does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The smallest object that knows its source: a symbol table with one name in it.
fn named(source: &str) -> Vec<u8> {
    let strings = format!("\0{source}\0");
    let symbols = [
        [0; 24],
        [
            1, 0, 0, 0, 4, 0, 0xf1, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
    ]
    .concat();
    let section = |kind: u32, offset: usize, size: usize, link: u32| {
        let mut bytes = [0; 64];
        bytes[4..8].copy_from_slice(&kind.to_le_bytes());
        bytes[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
        bytes[32..40].copy_from_slice(&(size as u64).to_le_bytes());
        bytes[40..44].copy_from_slice(&link.to_le_bytes());
        bytes
    };
    let mut bytes = object("timer.bpf.o")[..64].to_vec();
    let table = 64 + symbols.len() + strings.len();
    bytes[40..48].copy_from_slice(&(table as u64).to_le_bytes());
    bytes[60..62].copy_from_slice(&3u16.to_le_bytes());
    bytes.extend(&symbols);
    bytes.extend(strings.bytes());
    bytes.extend([0; 64]);
    bytes.extend(section(2, 64, symbols.len(), 2));
    bytes.extend(section(3, 64 + symbols.len(), strings.len(), 0));
    bytes
}

/// Another machine's ELF file with objects in it, one across the border of what is read at a time.
fn binary() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[18] = 62;
    bytes.extend(named("src/one.bpf.c"));
    bytes.resize((1 << 20) - 3, 0x7f);
    bytes.extend(object("subprog.bpf.o"));
    bytes.extend(named("twice.c"));
    bytes.extend([0; 100]);
    bytes.extend(named("twice.c"));
    bytes
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(name).collect()
}

#[test]
fn binaries_have_objects_by_name() {
    let dir = Dir::new("binary");
    let path = dir.write("tool", &binary());
    let found = objects_in(&path).unwrap();
    // The one without a symbol for its source by the source of its lines; the same contents are one object.
    assert_eq!(
        names(&found),
        ["tool:one.bpf.o", "tool:subprog.bpf.o", "tool:twice.o"]
    );
    let expected = [named("src/one.bpf.c"), object("subprog.bpf.o"), named("twice.c")];
    for (path, expected) in found.iter().zip(expected) {
        assert!(read_object(path).unwrap() == expected, "{}", path.display());
        assert_eq!(objects_in(path).unwrap(), std::slice::from_ref(path));
        let name = path.to_str().unwrap().rsplit_once(':').unwrap().1;
        assert_eq!(object_name(path, &expected), name);
    }
    let error = read_object(&dir.0.join("tool:other.o")).unwrap_err();
    assert!(
        error.message.contains("expected one of") && error.message.contains("tool:one.bpf.o"),
        "{error}"
    );
    assert!(
        read_object(&dir.0.join("none:x.o"))
            .unwrap_err()
            .message
            .contains("No such file")
    );
}

/// An object with its only `from` made `to`, which is as long.
fn with(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = object(name);
    let all: Vec<_> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!all.is_empty());
    for at in all {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// Where objects of one source lie decides nothing, nor what else is in the file.
#[test]
fn names_survive_a_rebuild() {
    let dir = Dir::new("rebuild");
    let one = object("subprog.bpf.o");
    // Another function is in it, or other contents only.
    let two = with("subprog.bpf.o", b"\0too_far\0", b"\0too_fur\0");
    let three = {
        let mut bytes = one.clone();
        bytes[9] = 1; // of the header, what nobody reads
        bytes
    };
    let called = |parts: &[&[u8]]| {
        let path = dir.write("tool", &parts.join(&[0u8; 77][..]));
        let paths = objects_in(&path).unwrap();
        let contents: Vec<_> = paths.iter().map(|path| read_object(path).unwrap()).collect();
        names(&paths).into_iter().zip(contents).collect::<Vec<_>>()
    };
    let alone = called(&[b"x", &one]);
    assert_eq!(alone, [("tool:subprog.bpf.o".to_owned(), one.clone())]);
    let both = called(&[b"x", &one, &two]);
    let names: Vec<_> = both.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["tool:subprog.bpf~too_far.o", "tool:subprog.bpf~too_fur.o"]
    );
    let mut again = called(&[b"something else", &two, &object("timer.bpf.o"), &one, &one]);
    again.retain(|(name, _)| !name.contains("timer"));
    again.reverse();
    assert_eq!(again, both);
    let alike = called(&[b"x", &one, &three]);
    assert_eq!(alike.len(), 2);
    assert!(
        alike
            .iter()
            .all(|(name, _)| name.starts_with("tool:subprog.bpf~")),
        "{alike:?}"
    );
    let swapped = called(&[b"x", &three, &one]);
    assert_eq!([&swapped[1], &swapped[0]], [&alike[0], &alike[1]]);
}

#[test]
fn names_of_rust_have_no_hash() {
    let dir = Dir::new("rust");
    let path = dir.write("tool", &[b"x".to_vec(), named("probe.4d1f9c-cgu.0")].concat());
    assert_eq!(names(&objects_in(&path).unwrap()), ["tool:probe.o"]);
    let path = dir.write("none", &[b"x".to_vec(), named("")].concat());
    let found = names(&objects_in(&path).unwrap());
    assert!(
        found[0].starts_with("none:") && found[0].len() == "none:.o".len() + 12,
        "{found:?}"
    );
}

#[test]
fn the_shortest_ends_tell_paths_apart() {
    let of = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(Path::new).collect();
        distinct_names(&paths)
    };
    assert_eq!(of(&["a/x.o", "a/y.o"]), ["x.o", "y.o"]);
    assert_eq!(of(&["a/x.o", "b/x.o", "b/y.o"]), ["a/x.o", "b/x.o", "y.o"]);
    assert_eq!(
        of(&["r/a/c/x.o", "r/b/c/x.o", "r/b/d/x.o"]),
        ["a/c/x.o", "b/c/x.o", "d/x.o"]
    );
    assert_eq!(of(&["x.o", "a/x.o", "/x.o"]), ["x.o", "a/x.o", "/x.o"]);
    assert_eq!(of(&["a/x.o", "a/x.o"]), ["x.o", "x.o"]);
    assert_eq!(
        of(&["a/t:x.o", "b/t:x.o", "b/t:y.o"]),
        ["a/t:x.o", "b/t:x.o", "t:y.o"]
    );
    assert_eq!(of(&[]), [""; 0]);
}

#[test]
fn archives_have_members() {
    let dir = Dir::new("archive");
    let long = "a_long_name_of_a_member.bpf.o";
    let mut bytes = b"!<arch>\n".to_vec();
    let mut member = |name: &str, contents: &[u8]| {
        bytes.extend(
            format!(
                "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                0,
                0,
                0,
                644,
                contents.len()
            )
            .bytes(),
        );
        bytes.extend(contents);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    };
    member("//", format!("{long}/\n").as_bytes());
    member("short.o/", &object("timer.bpf.o"));
    member("/0", &object("subprog.bpf.o"));
    member(
        "#1/8",
        &[b"other.o\0".as_slice(), &object("zero_spill.bpf.o")].concat(),
    );
    let path = dir.write("lib.a", &bytes);
    let found = objects_in(&path).unwrap();
    assert_eq!(
        names(&found),
        ["lib.a:short.o", &format!("lib.a:{long}"), "lib.a:other.o"]
    );
    assert!(read_object(&found[1]).unwrap() == object("subprog.bpf.o"));
}

#[test]
fn directories_are_searched_in_depth() {
    let dir = Dir::new("tree");
    dir.write("b/tool", &binary());
    dir.write("a/x.o", &object("timer.bpf.o"));
    dir.write("a/readme", b"nothing");
    dir.write("c/broken.o", b"\x7fELF");
    let found = names(&objects_in(&dir.0).unwrap());
    assert_eq!(found[..2], ["x.o", "tool:one.bpf.o"]);
    assert_eq!(found.last().unwrap(), "broken.o");
    assert_eq!(found.len(), 5);
    let empty = Dir::new("empty");
    assert!(
        objects_in(&empty.0)
            .unwrap_err()
            .message
            .contains("no BPF object")
    );
}

/// Whatever lies in a binary, its search ends soon and gives no object that is larger than the file.
#[test]
fn hostile_binaries() {
    let dir = Dir::new("hostile");
    let header = object("timer.bpf.o")[..64].to_vec();
    let mut far = header.clone();
    far[40..48].fill(0xff);
    let mut wide = header.clone();
    wide[58..62].fill(0xff);
    let mut tiny = header.clone();
    tiny[40..48].fill(0);
    for (name, unit) in [("same", header), ("far", far), ("wide", wide), ("tiny", tiny)] {
        let path = dir.write(name, &[b"x".to_vec(), unit.repeat(40_000)].concat());
        let found = objects_in(&path).unwrap();
        assert!(!found.is_empty() && found.len() <= 4096, "{name}");
        for path in found.iter().take(3) {
            let read = read_object(path).unwrap();
            assert!(read.len() <= 1 + 64 * 40_000, "{name}");
        }
    }
    let mut cut = binary();
    for len in [0, 1, 63, 64, 70, 100, 1000, 9000, (1 << 20) + 7, cut.len() - 1] {
        cut.truncate(cut.len().min(len.max(1)));
        let path = dir.write("cut", &binary()[..len]);
        assert!(!objects_in(&path).unwrap().is_empty());
    }
    for (i, at) in (8..200).enumerate() {
        let mut archive = [b"!<arch>\n".as_slice(), &[b' '; 60].repeat(5)].concat();
        archive[at] = b'0' + (i % 75) as u8;
        archive[56..58].copy_from_slice(b"99");
        let path = dir.write("x.a", &archive);
        assert_eq!(objects_in(&path).unwrap(), [path]);
    }
}
