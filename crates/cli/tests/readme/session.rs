//! The shell in which the commands of a page are run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::blocks::Block;

/// A line that no program prints.
const END: &str = "--- end of this command ---";

/// A directory like a clone's root, where commands may write files.
pub(crate) struct Session {
    dir: PathBuf,
}

impl Session {
    /// An empty one for this page.
    pub(crate) fn new(root: &Path, page: &str) -> Session {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("readme")
            .join(page.replace('/', "-"));
        let _ = fs::remove_dir_all(&dir); // absent at first
        fs::create_dir_all(dir.join("bin")).unwrap();
        fs::create_dir(dir.join("clone")).unwrap();
        symlink(env!("CARGO_BIN_EXE_verdict"), dir.join("bin/verdict")).unwrap();
        for entry in fs::read_dir(root).unwrap() {
            let name = entry.unwrap().file_name();
            if name != "target" && name != ".git" {
                symlink(root.join(&name), dir.join("clone").join(&name)).unwrap();
            }
        }
        Session { dir }
    }

    /// What each command prints, standard error among it. Less than there are commands, if one of them ends the shell.
    pub(crate) fn run(&self, blocks: &[Block]) -> Vec<String> {
        let script = self.dir.join("script");
        fs::write(&script, self.script(blocks)).unwrap();
        let path = format!(
            "{}:{}",
            self.dir.join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let mut bash = Command::new("bash");
        bash.arg(&script)
            .current_dir(self.dir.join("clone"))
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        for name in std::env::vars_os().map(|(name, _)| name) {
            let text = name.to_string_lossy();
            if ["GITHUB_", "CLICOLOR", "NO_COLOR"]
                .iter()
                .any(|of| text.starts_with(of))
            {
                bash.env_remove(&name);
            }
        }
        let output = bash.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut outputs: Vec<_> = text.split(&format!("\n{END}\n")).map(ToOwned::to_owned).collect();
        outputs.pop();
        outputs
    }

    fn script(&self, blocks: &[Block]) -> String {
        let mut script = "exec 2>&1\n\
            cargo() { [ \"$1 $2 $3\" = 'run --release --' ] && shift 3 && verdict \"$@\"; }\n"
            .to_owned();
        for (number, block) in blocks.iter().enumerate() {
            match block {
                Block::File { name, text } => {
                    let top = name.split('/').next().unwrap();
                    let own = !self.dir.join("clone").join(top).is_symlink();
                    assert!(own, "{name} would be written into the source tree");
                    // One name may stand for several files, one after the other.
                    let file = self.dir.join(format!("file-{number}"));
                    fs::write(&file, text).unwrap();
                    script += &format!(
                        "mkdir -p \"$(dirname '{name}')\"; rm -f '{name}'; cp '{}' '{name}'\n",
                        file.display()
                    );
                }
                Block::Console(examples) => {
                    for example in examples {
                        // The exit code is there for the next command.
                        script += &format!(
                            "{}\nstatus=$?; printf '\\n%s\\n' '{END}'; (exit $status)\n",
                            example.command
                        );
                    }
                }
                Block::Sh(_) | Block::Other { .. } => {}
            }
        }
        script
    }
}
