//! `verdict plan`: what objects leave for their loaders to set.

use std::io::Write;

use verdict::Options;

use crate::args::{Asked, PlanArgs};
use crate::inputs::expand;
use crate::run::open;
use crate::{Done, UNUSABLE};

pub(crate) fn run(args: &PlanArgs, out: &mut dyn Write) -> Done {
    let verifier = Asked::to_open(&args.kernel, &args.loader).verifier(Options::default())?;
    let mut code = 0;
    let mut first = true;
    for input in expand(&args.objects) {
        match open(&verifier, &input) {
            Ok(object) => {
                if !std::mem::take(&mut first) {
                    writeln!(out)?;
                }
                write!(out, "{}", object.draft())?;
            }
            Err(unusable) => {
                out.flush()?; // so that the error stands where it belongs
                eprintln!("verdict: {}", unusable.message);
                code = UNUSABLE;
            }
        }
    }
    Ok(code)
}
