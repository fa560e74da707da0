//! The project's own chores: `cargo xtask <what>`.

#![allow(clippy::print_stdout, reason = "what a chore finds is its output")]

mod attach;
mod bench;
mod book;
mod buffers;
mod child;
mod cilium;
mod corpus;
mod counts;
mod coverage;
mod delta;
mod dist;
mod evidence;
mod explanations;
mod facts;
mod hostile;
mod kernels;
mod licences;
mod logs;
mod mutate;
mod native;
mod oracle;
mod parity;
mod phrases;
mod rules;
mod tidy;
mod veristat;
mod why;
mod words;
mod workers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the verdict project.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Compare verdict's answers with those of a real kernel.
    Parity(parity::Args),
    /// Count the places that refuse at which real kernels were compared, and hold those never compared to their list
    Coverage(coverage::Args),
    /// Write what differs between the records of two kernels, for `parity --delta`
    Delta(delta::Args),
    /// Explain every difference between two kernels, check each explanation, and hold the counts to a file.
    Why(why::Args),
    /// Write the tables of the README and the guide that are counted from recordings, or check them
    Evidence(evidence::Args),
    /// Count what explanations of rejections say, apply every remedy that they call verified, and measure their time.
    Explanations(explanations::Args),
    /// Collect the words of refusals for `verdict explain`, or hold it to a real kernel's refusals
    Phrases(phrases::Args),
    /// Hold the time that several kernels take to that of one.
    Kernels(kernels::Args),
    /// Write a real kernel's answers about helpers and contexts as the tests of the tables read them
    Facts(facts::Args),
    /// Compare verdict's logs with checksums of a real kernel's.
    Words(words::Args),
    /// Compare verdict's speed and memory with the running kernel's.
    Bench(bench::Args),
    /// Feed damaged objects and watch for panics, time and memory.
    Hostile(hostile::Args),
    /// Change single instructions of objects, for comparisons with a real kernel beyond any corpus.
    Mutate(mutate::Args),
    /// Compare verdict with the running kernel (as root): on objects, or on programs made by chance.
    Native(native::Args),
    /// Build what is handed out: an archive and a Debian package of the static program with man pages and completions
    Dist(dist::Args),
    /// Change links for the guide as a book: `mdbook build docs` calls it
    Book(book::Args),
    /// Check dependency arrows, file sizes and the architecture's invariants.
    Tidy,
    /// Check the licences of all dependencies against deny.toml.
    Licences,
    /// Rebuild the project's BPF programs, and ask real kernels about them.
    Corpus(corpus::Args),
    /// Record what a real kernel writes into log buffers of many kinds
    Buffers(buffers::Args),
    /// Record what real kernels say of the programs in the engine's tests
    Rules(rules::Args),
    /// Record what a real kernel says of programs that attach to other programs
    Attach(oracle::Args),
    /// Record what cilium/ebpf and a real kernel say of the objects that are made for it
    Cilium(oracle::Args),
    /// Record what aya and a real kernel say of the same objects
    Aya(oracle::Args),
    /// Records what the real veristat prints
    Veristat(oracle::Args),
    /// Verify objects and print what was found, for the other chores.
    #[command(hide = true)]
    Worker(workers::WorkerArgs),
    /// Damage objects and verify them, for `hostile`.
    #[command(hide = true)]
    HostileWorker(hostile::WorkerArgs),
}

/// The end of a chore: what is wrong is already printed when it is `Ok(false)`.
type Done = Result<bool, String>;

fn main() -> ExitCode {
    let done = match Args::parse().chore {
        Chore::Parity(args) => parity::run(&args),
        Chore::Coverage(args) => coverage::run(&args),
        Chore::Delta(args) => delta::run(&args),
        Chore::Why(args) => why::run(&args),
        Chore::Phrases(args) => phrases::run(&args),
        Chore::Facts(args) => facts::run(&args),
        Chore::Kernels(args) => kernels::run(&args),
        Chore::Words(args) => words::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Evidence(args) => evidence::run(&args),
        Chore::Explanations(args) => explanations::run(&args),
        Chore::Hostile(args) => hostile::run(&args),
        Chore::Mutate(args) => mutate::run(&args),
        Chore::Native(args) => native::run(&args),
        Chore::Dist(args) => dist::run(&args),
        Chore::Book(args) => book::run(&args),
        Chore::Tidy => tidy::run(),
        Chore::Licences => licences::run(),
        Chore::Corpus(args) => corpus::run(&args),
        Chore::Buffers(args) => buffers::run(&args),
        Chore::Rules(args) => rules::run(&args),
        Chore::Attach(args) => attach::run(&args),
        Chore::Cilium(args) => cilium::run(&args),
        Chore::Aya(args) => cilium::run_aya(&args),
        Chore::Veristat(args) => veristat::run(&args),
        Chore::Worker(args) => workers::work(&args),
        Chore::HostileWorker(args) => hostile::work(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root.
fn root() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
