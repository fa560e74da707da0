//! A browser without a window, driven by its debugging protocol over pipes, as a user's hands would drive it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::picture::Picture;

/// The browser's program, if one is installed.
pub(crate) fn installed() -> Option<&'static str> {
    let works = |name: &&str| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(works)
}

/// How long an answer may take, and what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// One at a time: times are measured.
static ONE: Mutex<()> = Mutex::new(());

/// A browser with one page.
pub(crate) struct Browser {
    _one: MutexGuard<'static, ()>,
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    sent: u64,
    session: Option<String>,
    /// What was told since the last command.
    events: Vec<Value>,
    dir: PathBuf,
}

impl Browser {
    /// Starts one, if there is any; says so if not.
    pub(crate) fn start(name: &str) -> Option<Browser> {
        let Some(program) = installed() else {
            eprintln!("skipped: no Chromium is installed");
            return None;
        };
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = std::env::temp_dir().join(format!("verdict-browser-{name}-{}", std::process::id()));
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#, program])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-pipe",
            ])
            .args(["--hide-scrollbars", "--window-size=1600,950"])
            .arg(format!("--user-data-dir={}", dir.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, from) = channel();
        thread::spawn(move || {
            let mut out = BufReader::new(stdout);
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else {
                    return;
                };
                if send.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let mut browser = Browser {
            _one: one,
            child,
            to,
            from,
            sent: 0,
            session: None,
            events: Vec::new(),
            dir,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(ToOwned::to_owned);
        for domain in ["Page", "Runtime", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.call("Performance.enable", json!({"timeDomain": "threadTicks"}));
        Some(browser)
    }

    /// A command, and its result.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        loop {
            let told = self.from.recv_timeout(PATIENCE).unwrap();
            if told["id"] == json!(self.sent) {
                assert!(told["error"].is_null(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
            assert_ne!(told["method"], "Runtime.exceptionThrown", "{told}");
            self.events.push(told);
        }
    }

    /// Opens a page, and waits until it is loaded. Gives the addresses that were asked for.
    pub(crate) fn open(&mut self, page: &Path) -> Vec<String> {
        self.events.clear();
        let url = format!(
            "file://{}",
            page.display().to_string().replace('<', "%3C").replace('>', "%3E")
        );
        self.call("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(|e| e["method"] == "Page.loadEventFired") {
            let told = self.from.recv_timeout(PATIENCE).unwrap();
            assert_ne!(told["method"], "Runtime.exceptionThrown", "{told}");
            self.events.push(told);
        }
        self.wait_for("performance.getEntriesByName('verdict-ready').length");
        let asked = self
            .events
            .iter()
            .filter(|e| e["method"] == "Network.requestWillBeSent");
        asked
            .filter_map(|e| Some(e["params"]["request"]["url"].as_str()?.to_owned()))
            .collect()
    }

    /// The value of an expression of the page's script, of a promise what comes of it.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    pub(crate) fn text(&mut self, selector: &str) -> String {
        let text = self.eval(&format!(
            "document.querySelector({}).textContent",
            json!(selector)
        ));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if self.eval(&format!("!!({expression})")) == json!(true) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("never true: {expression}");
    }

    /// Presses and releases a key.
    pub(crate) fn key(&mut self, key: &str) {
        let text = match key {
            "Enter" => "\r",
            _ if key.chars().count() == 1 => key,
            _ => "",
        };
        let code = if key == "Enter" { 13 } else { 0 };
        let down = json!({"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key}));
    }

    /// Moves the pointer onto an element.
    pub(crate) fn hover(&mut self, selector: &str) -> (f64, f64) {
        let place = self.eval(&format!(
            "(() => {{ const r = document.querySelector({}).getBoundingClientRect();
                return [r.left + Math.min(r.width / 2, 60), r.top + r.height / 2]; }})()",
            json!(selector)
        ));
        let (x, y) = (place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
        let moved = json!({"type": "mouseMoved", "x": x, "y": y});
        self.call("Input.dispatchMouseEvent", moved);
        (x, y)
    }

    /// Clicks an element.
    pub(crate) fn click(&mut self, selector: &str) {
        let (x, y) = self.hover(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Milliseconds for which the page's main thread has computed: what other programs do at the same time is not in it.
    pub(crate) fn computed(&mut self) -> f64 {
        let metrics = self.call("Performance.getMetrics", json!({}));
        let all = metrics["metrics"].as_array().unwrap();
        let task = all
            .iter()
            .find(|metric| metric["name"] == "TaskDuration")
            .unwrap();
        1000.0 * task["value"].as_f64().unwrap()
    }

    /// What is seen.
    pub(crate) fn picture(&mut self) -> Picture {
        let shot = self.call("Page.captureScreenshot", json!({}));
        Picture::read(&base64(shot["data"].as_str().unwrap()))
    }

    /// Has the system prefer light or dark.
    pub(crate) fn prefer(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }
}

/// The bytes that a text in base64 stands for.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|c| DIGITS.iter().position(|d| *d == c));
    let (mut bytes, mut left, mut bits) = (Vec::new(), 0, 0);
    for digit in digits {
        left = left << 6 | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((left >> bits) as u8);
        }
        left &= 0xff;
    }
    bytes
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
