//! Texts by number.

use std::collections::HashMap;

/// The number of the empty text: that nothing is held.
pub(crate) const NOTHING: u32 = 0;

/// Texts, each once.
#[derive(Default)]
pub(crate) struct Texts {
    numbers: HashMap<Box<str>, u32>,
    /// Bytes of all of them.
    bytes: usize,
}

/// What a text costs beside its bytes.
const OVERHEAD: usize = 48;

impl Texts {
    /// The number of a text.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return NOTHING;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u32 + 1;
        self.bytes += text.len() + OVERHEAD;
        self.numbers.insert(text.into(), number);
        number
    }

    /// About how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all but those of these numbers, and numbers them anew in this order.
    pub(crate) fn retain<'n>(&mut self, used: impl Iterator<Item = &'n mut u32>) {
        let mut by_number: Vec<Option<Box<str>>> = vec![None; self.numbers.len() + 1];
        for (text, number) in std::mem::take(&mut self.numbers) {
            if let Some(place) = by_number.get_mut(number as usize) {
                *place = Some(text);
            }
        }
        self.bytes = 0;
        let mut renamed = vec![NOTHING; by_number.len()];
        for number in used {
            let (Some(text), Some(new)) = (
                by_number.get_mut(*number as usize),
                renamed.get_mut(*number as usize),
            ) else {
                continue;
            };
            if let Some(text) = text.take() {
                *new = self.number(&text);
            }
            *number = *new;
        }
    }

    /// All of them, by their numbers.
    pub(crate) fn into_list(self) -> Vec<String> {
        let mut list = vec![String::new(); self.numbers.len() + 1];
        for (text, number) in self.numbers {
            if let Some(place) = list.get_mut(number as usize) {
                *place = text.into();
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_used_is_forgotten() {
        let mut texts = Texts::default();
        let numbers: Vec<u32> = ["a", "b", "", "c", "a"].iter().map(|t| texts.number(t)).collect();
        assert_eq!(numbers, [1, 2, 0, 3, 1]);
        let bytes = texts.bytes();
        let mut used = [3, 0, 1, 3];
        texts.retain(used.iter_mut());
        assert_eq!(used, [1, 0, 2, 1]);
        assert!(texts.bytes() < bytes);
        assert_eq!(texts.into_list(), ["", "c", "a"]);
    }
}
