//! What is handed out: a static program with its pages, as an archive and as a Debian package.

mod debian;
mod pages;
mod sbom;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::Endianness;
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{ElfFile, ProgramHeader};
use object::{Object, ObjectSymbolTable};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::tidy::metadata;
use crate::{Done, root};
use pages::NAME;

/// The package that has the program.
const PACKAGE: &str = "bpf-verdict-cli";

/// Bytes that the program has at most.
const MAX_SIZE: u64 = 30_000_000;

/// Files of the repository that go along.
const BESIDE: [&str; 4] = ["LICENSE", "README.md", "CHANGELOG.md", "Containerfile"];

/// Where the sums of all files stand.
const SUMS: &str = "SHA256SUMS";

/// What is to be made, and where.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Target triple [default: musl on this machine's architecture if rustup has it, else this machine's own]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Directory for the files [default: packages in Cargo's target directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// One release for one target.
struct Release {
    /// The target's triple.
    target: String,
    /// The release's number.
    version: String,
    /// What Cargo knows of the package, and of what it depends on.
    metadata: Value,
    /// Seconds since 1970 that all files bear.
    epoch: String,
    /// Where the files go.
    out: PathBuf,
}

impl Release {
    /// The name that its files begin with.
    fn stem(&self) -> String {
        format!("{NAME}-{}-{}", self.version, self.target)
    }

    /// Whether a file of this name is part of the same release, for whatever target: older ones may lie beside it.
    fn has(&self, file: &str) -> Result<bool, String> {
        let package = debian::name(self.package()?)?;
        let archive = file.strip_prefix(&format!("{NAME}-{}-", self.version));
        let debian = file.strip_prefix(&format!("{package}_{}_", self.version));
        // What may follow a number that begins in the same way (`0.1.0-rc.1`) is no architecture.
        let is_target = |rest: &str| rest.starts_with(&self.target) || debian::architecture(rest).is_some();
        Ok(archive.is_some_and(is_target) || debian.is_some())
    }

    /// The unpacked archive.
    fn tree(&self) -> PathBuf {
        self.out.join(self.stem())
    }

    /// What Cargo knows of the package.
    fn package(&self) -> Result<&Value, String> {
        let packages = self.metadata["packages"].as_array();
        packages
            .and_then(|all| all.iter().find(|package| package["name"] == PACKAGE))
            .ok_or_else(|| format!("cargo metadata: no package {PACKAGE}"))
    }
}

/// Makes all files, and says what they are.
pub(crate) fn run(args: &Args) -> Done {
    let host = host()?;
    let target = match &args.target {
        Some(target) => target.clone(),
        None => usual_target(&host),
    };
    let release = prepare(args, target)?;
    let program = build(&release, &host)?;
    check(&program)?;
    stage(&release, &program)?;
    archive(&release)?;
    sbom::write(&release)?;
    debian::write(&release)?;
    sums(&release)?;
    Ok(true)
}

fn prepare(args: &Args, target: String) -> Result<Release, String> {
    let metadata = metadata(&["--filter-platform", &target])?;
    let cargos = metadata["target_directory"].as_str().unwrap_or("target");
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new(cargos).join("packages"));
    fs::create_dir_all(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let mut release = Release {
        target,
        version: String::new(),
        epoch: epoch(),
        out: out
            .canonicalize()
            .map_err(|e| format!("{}: {e}", out.display()))?,
        metadata,
    };
    let version = release.package()?["version"].as_str();
    release.version = version.ok_or("cargo metadata: no version")?.to_owned();
    Ok(release)
}

/// The triple of the machine that builds.
fn host() -> Result<String, String> {
    let words = output(Command::new("rustc").arg("-vV"))?;
    let host = words.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc -vV: it names no host".to_owned())
}

/// With musl if that is installed: a program of musl's is static wherever it is built.
fn usual_target(host: &str) -> String {
    let musl = host.replace("-gnu", "-musl");
    let installed = output(Command::new("rustup").args(["target", "list", "--installed"]));
    match installed {
        Ok(list) if list.lines().any(|line| line == musl) => musl,
        _ => {
            println!("dist: rustup has no {musl}: built for {host}, with the C library linked statically");
            host.to_owned()
        }
    }
}

/// The time of the last change, so that the same sources give the same files.
fn epoch() -> String {
    let committed = || {
        output(
            Command::new("git")
                .args(["log", "-1", "--format=%ct"])
                .current_dir(root()),
        )
    };
    env::var("SOURCE_DATE_EPOCH")
        .or_else(|_| committed().map(|time| time.trim().to_owned()))
        .unwrap_or_else(|_| "0".to_owned())
}

/// Builds the program, without names of the building machine's directories in it.
fn build(release: &Release, host: &str) -> Result<PathBuf, String> {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        "build",
        "--locked",
        "--profile=dist",
        "--package",
        PACKAGE,
        "--bin",
        NAME,
    ]);
    let target_directory = release.metadata["target_directory"].as_str().unwrap_or("target");
    let mut built = PathBuf::from(target_directory);
    if release.target != host {
        command.args(["--target", &release.target]);
        built.push(&release.target);
    }
    let mut flags = OsString::new();
    for (directory, name) in [(cargo_home(), "cargo"), (root().canonicalize().ok(), NAME)] {
        let Some(directory) = directory else { continue };
        if !flags.is_empty() {
            flags.push("\u{1f}"); // Cargo's separator
        }
        flags.push("--remap-path-prefix=");
        flags.push(directory);
        flags.push(format!("={name}"));
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags).current_dir(root());
    run_command(&mut command)?;
    Ok(built.join("dist").join(NAME))
}

fn cargo_home() -> Option<PathBuf> {
    let named = env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
}

/// The program runs anywhere, and is no larger than promised.
fn check(program: &Path) -> Result<(), String> {
    let data = fs::read(program).map_err(|e| format!("{}: {e}", program.display()))?;
    let wrong = |what: String| Err(format!("{}: {what}", program.display()));
    let size = data.len() as u64;
    if size > MAX_SIZE {
        return wrong(format!("{size} bytes, more than {MAX_SIZE}"));
    }
    if let Some(what) = not_alone(&data)? {
        return wrong(what.to_owned());
    }
    println!("dist: {}: {size} bytes, static, stripped", program.display());
    Ok(())
}

/// What a program needs or has beside what it does.
fn not_alone(data: &[u8]) -> Result<Option<&'static str>, String> {
    let elf = ElfFile::<FileHeader64<Endianness>>::parse(data)
        .map_err(|e| format!("the program is no 64-bit ELF file: {e}"))?;
    let endian = elf.endian();
    let mut segments = elf.elf_program_headers().iter();
    if segments.any(|segment| segment.p_type(endian) == PT_INTERP) {
        return Ok(Some(
            "not static: it asks for a dynamic linker (has the C library a static form here?)",
        ));
    }
    let symbols = elf
        .symbol_table()
        .is_some_and(|table| table.symbols().next().is_some());
    Ok(symbols.then_some("not stripped: it has a symbol table"))
}

/// Lays out what the archive has in it.
fn stage(release: &Release, program: &Path) -> Result<(), String> {
    let tree = release.tree();
    if tree.exists() {
        fs::remove_dir_all(&tree).map_err(|e| format!("{}: {e}", tree.display()))?;
    }
    copy(program, &tree.join(NAME))?;
    for file in BESIDE {
        copy(&root().join(file), &tree.join(file))?;
    }
    pages::write(&tree)?;
    Ok(())
}

/// Packs it, with zstd where the machine has that, else with gzip.
fn archive(release: &Release) -> Result<(), String> {
    let zstd = output(Command::new("zstd").arg("--version")).is_ok();
    let (ending, packer) = if zstd {
        ("tar.zst", "zstd -19 -T1 -q")
    } else {
        println!("dist: zstd is not installed: the archive is a .tar.gz instead of a .tar.zst");
        ("tar.gz", "gzip -9n")
    };
    let file = release.out.join(format!("{}.{ending}", release.stem()));
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--format=gnu",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
    ])
    .args(["--mode=u=rwX,go=rX", &format!("--mtime=@{}", release.epoch)])
    .args(["-I", packer, "-cf"])
    .arg(&file)
    .arg("-C")
    .arg(&release.out)
    .arg(release.stem());
    run_command(&mut tar)?;
    say(&file)
}

/// Writes the sums of the release's files in the directory, of other targets, too, as `sha256sum -c` reads them.
fn sums(release: &Release) -> Result<(), String> {
    let out = &release.out;
    let failed = |e: std::io::Error| format!("{}: {e}", out.display());
    let mut lines = Vec::new();
    for entry in fs::read_dir(out).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !release.has(&name)? || !entry.file_type().map_err(failed)?.is_file() {
            continue;
        }
        let data = fs::read(entry.path()).map_err(failed)?;
        lines.push((name, format!("{:x}", Sha256::digest(&data))));
    }
    lines.sort();
    let text: String = lines
        .iter()
        .map(|(name, sum)| format!("{sum}  {name}\n"))
        .collect();
    let file = out.join(SUMS);
    fs::write(&file, text).map_err(failed)?;
    say(&file)
}

fn say(file: &Path) -> Result<(), String> {
    let size = fs::metadata(file)
        .map_err(|e| format!("{}: {e}", file.display()))?
        .len();
    println!("dist: {}: {size} bytes", file.display());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    create_parent(to)?;
    fs::copy(from, to)
        .map(|_| ())
        .map_err(|e| format!("{}: {e}", from.display()))
}

fn create_parent(file: &Path) -> Result<(), String> {
    let Some(parent) = file.parent() else {
        return Ok(());
    };
    fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))
}

/// Runs a command to its end, with its output where ours goes.
fn run_command(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|e| format!("{name}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {status}"))
    }
}

/// What a command prints.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name}: {}", output.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_or_has_more_is_refused() {
        // What runs this test has symbols, whichever way it is linked.
        let own = fs::read(env::current_exe().unwrap()).unwrap();
        let what = not_alone(&own).unwrap().unwrap();
        assert!(
            what.starts_with("not static") || what.starts_with("not stripped"),
            "{what}"
        );
        assert!(not_alone(b"#!/bin/sh\n").is_err());
    }

    /// A release of the workspace as it is, in a directory.
    fn release(out: &Path) -> Release {
        let metadata = metadata(&["--no-deps"]).unwrap();
        let mut release = Release {
            target: "x86_64-unknown-linux-musl".to_owned(),
            version: String::new(),
            metadata,
            epoch: "0".to_owned(),
            out: out.to_owned(),
        };
        release.version = release.package().unwrap()["version"].as_str().unwrap().to_owned();
        release
    }

    #[test]
    fn sums_are_of_every_file_of_the_release() {
        let dir = env::temp_dir().join(format!("verdict-dist-{}", std::process::id()));
        let mut release = release(&dir);
        release.version = "0.1.0".to_owned();
        fs::create_dir_all(dir.join("verdict-0.1.0-x86_64-unknown-linux-musl")).unwrap();
        for (name, text) in [
            ("verdict-0.1.0-x86_64-unknown-linux-musl.tar.zst", "abc"),
            ("verdict-0.1.0-aarch64-unknown-linux-musl.cdx.json", ""),
            ("bpf-verdict_0.1.0_amd64.deb", "abc"),
            ("bpf-verdict_0.0.9_amd64.deb", "older"),
            ("verdict-0.0.9-x86_64-unknown-linux-musl.tar.zst", "older"),
            ("verdict-0.1.0-rc.1-x86_64-unknown-linux-musl.tar.zst", "older"),
            ("notes", "another's"),
            (SUMS, "old"),
        ] {
            fs::write(dir.join(name), text).unwrap();
        }
        sums(&release).unwrap();
        let text = fs::read_to_string(dir.join(SUMS)).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        // FIPS 180-2's examples.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            text,
            format!(
                "{abc}  bpf-verdict_0.1.0_amd64.deb\n\
                 {nothing}  verdict-0.1.0-aarch64-unknown-linux-musl.cdx.json\n\
                 {abc}  verdict-0.1.0-x86_64-unknown-linux-musl.tar.zst\n"
            )
        );
    }

    #[test]
    fn cargo_binstall_finds_the_archive_and_the_program_in_it() {
        let release = release(Path::new(""));
        let package = release.package().unwrap();
        let repository = package["repository"].as_str().unwrap();
        let filled = |template: &Value| {
            let values = [
                ("{ repo }", repository),
                ("{ version }", &release.version),
                ("{ target }", &release.target),
                ("{ bin }", NAME),
                ("{ binary-ext }", ""),
            ];
            let template = template.as_str().unwrap().to_owned();
            values
                .iter()
                .fold(template, |text, (key, value)| text.replace(key, value))
        };
        let told = &package["metadata"]["binstall"];
        let stem = release.stem();
        let address = format!(
            "{repository}/releases/download/v{}/{stem}.tar.zst",
            release.version
        );
        assert_eq!(filled(&told["pkg-url"]), address);
        assert_eq!(filled(&told["bin-dir"]), format!("{stem}/{NAME}"));
        let mut targets = package["targets"].as_array().unwrap().iter();
        assert!(targets.any(|target| target["name"] == NAME && target["kind"][0] == "bin"));
    }

    #[test]
    fn the_image_has_the_archives_program() {
        let text = fs::read_to_string(root().join("Containerfile")).unwrap();
        let steps: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let program = format!("/{NAME}");
        let copy = format!("COPY {NAME} {program}");
        assert_eq!(
            steps,
            ["FROM scratch", &copy, &format!("ENTRYPOINT [\"{program}\"]")]
        );
    }
}
