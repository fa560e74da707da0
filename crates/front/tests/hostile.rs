//! Attributes of bpf(2) by chance: every call has an answer, and none is a panic.
//!
//! The caller is this process itself: pointers are into one large buffer, or wild.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::fd::{AsRawFd, OwnedFd};

use verdict_front::{Call, Play};
use verdict_kernel::Kernel;
use verdict_notify::{Reply, Task};

/// Numbers by chance, the same ones every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.next() as usize % all.len()]
    }
}

/// Bytes of the buffer: more than any answer has at these sizes.
const ROOM: usize = 1 << 26;

const CALLS: usize = 6_000;

/// What `BPF_MAP_CREATE` takes: an array with four elements of eight bytes.
const ARRAY: [u32; 4] = [2, 4, 8, 4];

#[test]
fn attributes_by_chance_are_answered() {
    let kernel = Kernel::open("6.12").unwrap();
    let shade = std::env::temp_dir().join(format!("verdict-front-hostile-{}", std::process::id()));
    std::fs::create_dir(&shade).unwrap();
    let mut play = Play::new(&kernel, &shade).unwrap();
    let mut chance = Chance(1);
    let mut buffer = vec![0u8; ROOM];
    let address = buffer.as_mut_ptr().expose_provenance() as u64;
    let mut attr = [0u8; 168];
    let mut open: Vec<OwnedFd> = Vec::new();
    let (mut values, mut descriptors) = (0, 0);
    for _ in 0..CALLS {
        let kept = chance.one_of(&[0, 0, 1, 3, 8]);
        for word in attr.as_chunks_mut::<4>().0.iter_mut().skip(kept) {
            let fd = open
                .get(chance.next() as usize % 64)
                .map_or(-1, |fd| fd.as_raw_fd());
            let small = chance.one_of(&[0, 0, 0, 1, 2, 4, 8, 16, 64, 4096]);
            let any = chance.next() as u32 & 0x1f;
            let value = chance.one_of(&[0, 0, 0, small, small, fd as u32, any]);
            *word = value.to_le_bytes();
        }
        for pointer in attr.as_chunks_mut::<8>().0 {
            let inside = address + chance.next() % 4096;
            let pick = chance.one_of(&[None, None, None, Some(inside), Some(0x1000), Some(u64::MAX - 7)]);
            if let Some(pick) = pick {
                *pointer = pick.to_le_bytes();
            }
        }
        let mut command = chance.next() % 38;
        // Now and then a map, so that there are descriptors to ask about.
        if chance.next().is_multiple_of(8) {
            attr = [0; 168];
            for (word, value) in attr.as_chunks_mut::<4>().0.iter_mut().zip(ARRAY) {
                *word = value.to_le_bytes();
            }
            command = 0;
        }
        let at = attr.as_mut_ptr().expose_provenance() as u64;
        let size = chance.one_of(&[0, 8, 32, 72, 120, 144, 168]);
        let call = Call {
            task: Task::own(),
            number: 321,
            args: [command, at, size, 0, 0, 0],
        };
        match play.answer(&call) {
            Reply::Descriptor(fd, _) => {
                descriptors += 1;
                if open.len() >= 64 {
                    open.remove(chance.next() as usize % 64);
                }
                open.push(fd);
            }
            Reply::Value(_) => values += 1,
            Reply::Error(errno) => assert!(errno > 0),
            Reply::Machine => panic!("the machine's kernel is asked"),
        }
    }
    drop(play);
    std::fs::remove_dir_all(&shade).unwrap();
    assert!(
        values > 5 && descriptors > 20,
        "{values} values, {descriptors} descriptors"
    );
    assert!(std::hint::black_box(&buffer).len() == ROOM);
}
