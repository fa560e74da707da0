//! The steps of a verification, as the page reads them.

use serde::Serialize;

/// A walk, or a part of one: rows, each the state before an instruction as what it has otherwise than the row before it
/// on its path.
///
/// The fields are columns of numbers, which JSON keeps short. A place is a number, too: registers of a frame, behind
/// them its slots, behind those what is held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Walk {
    /// Whether rows are those of one path only: the one that was walked last.
    pub path: bool,
    /// The number of the first row that is here.
    pub first: u32,
    /// How many rows there are in all.
    pub rows: u32,
    /// Why rows behind the last one that is here are not.
    pub end: End,
    /// Of each row the processed instruction that it is, counted from 1 over the whole walk, as what it has more than
    /// the row before.
    pub nr: Runs,
    /// The instruction of each row, as what it has more than the one of the row before.
    pub insn: Vec<i64>,
    /// The executing frame of each row.
    pub frame: Runs,
    /// Rows that do not follow the one before them, each with the one that they follow; -1 is none that is here.
    pub starts: Vec<(u32, i64)>,
    /// How many changes each row has.
    pub changes: Vec<u32>,
    /// The place of each change.
    pub places: Vec<u16>,
    /// What it holds from then on: 0 the text behind all those before, or else how far back from the last of those.
    pub values: Vec<u32>,
    /// The texts; the first is empty: nothing is held.
    pub texts: Vec<String>,
    /// Rows before which the state was kept, to compare others with it.
    pub checkpoints: Vec<u32>,
    /// Rows at which the path ended because an explored state stands for the rest.
    pub pruned: Vec<u32>,
    /// Rows before which explored states were compared without avail, and how many.
    pub misses: Vec<(u32, u32)>,
    /// Rows whose instruction relied on a number, and how many instructions it was followed back.
    pub back: Vec<(u32, u32)>,
    /// Numbers that were relied upon before a row.
    pub precise: Precise,
    /// Words of the kernel, by row.
    pub words: Vec<(u32, String)>,
    /// Instructions at which states are compared and kept.
    pub prune_points: Vec<u32>,
}

impl Walk {
    /// The changes of each row: what a place of a frame (`r1`, `fp-8`, `held`) holds from then on.
    pub fn changes(&self) -> Vec<Vec<(u16, String, &str)>> {
        let mut newest = 0;
        let texts = self.values.iter().map(|back| {
            newest += u32::from(*back == 0);
            (newest + 1).saturating_sub((*back).max(1)) as usize
        });
        let text = |at: usize| self.texts.get(at).map_or("", String::as_str);
        let mut all = self.places.iter().zip(texts).map(|(place, at)| {
            let (frame, name) = place::name(*place);
            (frame, name, text(at))
        });
        let of_row = |count: &u32| all.by_ref().take(*count as usize).collect();
        self.changes.iter().map(of_row).collect()
    }
}

/// Why a walk is not here to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It is.
    #[default]
    Whole,
    /// It has more rows than are kept.
    Rows,
    /// It has more changes, or longer texts, than are kept.
    Changes,
}

/// Numbers of which many that follow each other are the same: each with how many there are of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Runs(Vec<(i64, u32)>);

impl Runs {
    /// The numbers one by one.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        let all = self.0.iter();
        all.flat_map(|(number, count)| std::iter::repeat_n(*number, *count as usize))
    }

    /// Adds a number.
    pub(crate) fn push(&mut self, number: impl Into<i64>) {
        let number = number.into();
        match self.0.last_mut() {
            Some((last, count)) if *last == number => *count += 1,
            _ => self.0.push((number, 1)),
        }
    }
}

/// Numbers that were relied upon, in the order of rows and frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Precise {
    /// The row, as what it has more than the one before.
    pub row: Runs,
    /// Which of the sets it is.
    pub set: Runs,
    /// The processed instruction that was the first to rely on one of them, as what it has more than the one before.
    pub by: Runs,
    /// Sets: frame, registers, slots 0 to 31 and 32 to 63 as masks.
    pub sets: Vec<(u8, u32, u32, u32)>,
}

/// The numbers of places.
pub(crate) mod place {
    use verdict_engine::state::REGS;

    /// The name of a place, and the frame that it is of.
    pub(crate) fn name(place: u16) -> (u16, String) {
        let (frame, at) = (place / WIDTH, usize::from(place % WIDTH));
        let name = match at.checked_sub(REGS) {
            None => format!("r{at}"),
            Some(SLOTS) => "held".to_owned(),
            Some(slot) => format!("fp-{}", 8 * (slot + 1)),
        };
        (frame, name)
    }

    /// Slots of a frame.
    pub(crate) const SLOTS: usize = 64;
    /// What the whole state holds, as a place of the first frame.
    pub(crate) const HELD: u16 = (REGS + SLOTS) as u16;
    /// Places of a frame.
    const WIDTH: u16 = HELD + 1;

    /// A register's.
    pub(crate) fn reg(frame: usize, reg: usize) -> u16 {
        frame as u16 * WIDTH + reg as u16
    }

    /// A slot's, if it is one that a frame has.
    pub(crate) fn slot(frame: usize, slot: usize) -> Option<u16> {
        (slot < SLOTS).then_some(frame as u16 * WIDTH + (REGS + slot) as u16)
    }
}
