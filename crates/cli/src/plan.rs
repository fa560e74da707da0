//! `verdict plan`: what objects leave for their loaders to set.

use std::io::Write;

use verdict::Options;

use crate::args::{Asked, PlanArgs};
use crate::run::{expand, open};
use crate::{Done, UNUSABLE};

pub(crate) fn run(args: &PlanArgs, out: &mut dyn Write) -> Done {
    let verifier = Asked::to_open(&args.kernel, &args.loader).verifier(Options::default())?;
    let mut code = 0;
    let mut first = true;
    for path in expand(&args.objects) {
        let opened = path.map_err(|(_, message)| message);
        let object = opened.and_then(|path| open(&verifier, &path).map_err(|unusable| unusable.message));
        match object {
            Ok(object) => {
                if !std::mem::take(&mut first) {
                    writeln!(out)?;
                }
                write!(out, "{}", object.draft())?;
            }
            Err(message) => {
                out.flush()?; // so that the error stands where it belongs
                eprintln!("verdict: {message}");
                code = UNUSABLE;
            }
        }
    }
    Ok(code)
}
