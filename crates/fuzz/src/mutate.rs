//! Inputs that are like others: what a coverage-guided fuzzer does first, without the guide.

use verdict_gen::chance::Chance;

/// Numbers on which bounds turn.
const EDGES: [u64; 12] = [
    0,
    1,
    7,
    8,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    u64::MAX,
];
/// Most changes of an input.
const CHANGES: usize = 6;
/// Longest stretch that is moved.
const STRETCH: usize = 64;

/// One of the seeds with a few changes: bytes and numbers replaced, stretches taken out, repeated, or taken from another seed.
pub fn mutate(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = chance.of(seeds).cloned().unwrap_or_default();
    for _ in 0..=chance.below(CHANGES) {
        change(&mut bytes, seeds, chance);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(bytes.len());
    let end = (at + 1 + chance.below(STRETCH)).min(bytes.len());
    match chance.below(9) {
        0 | 1 => {
            let by = 1 << chance.below(8);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= by);
        }
        2 | 3 => {
            let byte = chance.below(256) as u8;
            bytes.iter_mut().skip(at).take(1).for_each(|old| *old = byte);
        }
        4 | 5 => {
            let edge = chance.of(&EDGES).copied().unwrap_or_default();
            let width = 1 << chance.below(4);
            let at = at / width * width;
            let number = edge.wrapping_sub(chance.below(3) as u64).to_le_bytes();
            let places = bytes.iter_mut().skip(at).take(width);
            places.zip(number).for_each(|(old, new)| *old = new);
        }
        6 => {
            bytes.drain(at.min(end)..end);
        }
        7 => {
            let stretch = bytes.get(at..end).unwrap_or_default().to_vec();
            let times = 1 + chance.below(4);
            bytes.splice(at.min(end)..at.min(end), stretch.repeat(times));
        }
        _ => {
            let other = chance.of(seeds).map(Vec::as_slice).unwrap_or_default();
            let from = chance.below(other.len());
            let to = (from + 1 + chance.below(STRETCH)).min(other.len());
            let stretch = other.get(from..to).unwrap_or_default().to_vec();
            let over = if chance.once_in(2) { end } else { at };
            bytes.splice(at.min(over)..over, stretch);
        }
    }
}
