//! Messages of netlink, and their attributes.

use verdict_kernel::errno::Errno;

/// Bytes of a message's head, and of an attribute's.
const HEAD: usize = 16;
const ATTRIBUTE: usize = 4;

/// `NLMSG_ERROR`.
const ERROR: u16 = 2;

/// `NLM_F_MULTI`, `NLM_F_ACK`, `NLM_F_CAPPED`, `NLM_F_ACK_TLVS`.
const MULTI: u16 = 2;
const ACK: u16 = 4;
const CAPPED: u16 = 0x100;
const WORDS: u16 = 0x200;

/// `NLMSGERR_ATTR_MSG`.
const TEXT: u16 = 1;

/// What an attribute's type has beside its number (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
const BESIDE: u16 = 0xc000;

/// A message.
pub(crate) struct Message<'b> {
    /// Its length, as it says.
    pub(crate) length: usize,
    pub(crate) kind: u16,
    flags: u16,
    sequence: [u8; 4],
    whole: &'b [u8],
    /// What is behind its head.
    pub(crate) body: &'b [u8],
}

/// A length with what comes before the next message or attribute.
pub(crate) fn unpadded(length: usize) -> usize {
    length.next_multiple_of(4)
}

impl<'b> Message<'b> {
    /// The message that begins here, if it is whole.
    pub(crate) fn of(bytes: &'b [u8]) -> Option<Message<'b>> {
        let (head, _) = bytes.split_first_chunk::<HEAD>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let whole = bytes.get(..length).filter(|whole| whole.len() >= HEAD)?;
        Some(Message {
            length,
            kind: u16::from_le_bytes([k0, k1]),
            flags: u16::from_le_bytes([f0, f1]),
            sequence: [s0, s1, s2, s3],
            whole,
            body: whole.get(HEAD..)?,
        })
    }

    pub(crate) fn wants_acknowledgement(&self) -> bool {
        self.flags & ACK != 0
    }

    /// The same message, but that no acknowledgement is asked for.
    pub(crate) fn unacknowledged(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut same = bytes.get(..self.length)?.to_vec();
        same.get_mut(6..8)?
            .copy_from_slice(&(self.flags & !ACK).to_le_bytes());
        Some(same)
    }

    /// Whether it is a part of an answer.
    pub(crate) fn is_part(&self) -> bool {
        self.flags & MULTI != 0
    }

    fn build(&self, (kind, flags, port): (u16, u16, u32), body: &[u8]) -> Vec<u8> {
        let length = (HEAD + body.len()) as u32;
        let mut all = Vec::with_capacity(unpadded(length as usize));
        all.extend(length.to_le_bytes());
        all.extend(kind.to_le_bytes());
        all.extend(flags.to_le_bytes());
        all.extend(self.sequence);
        all.extend(port.to_le_bytes());
        all.extend(body);
        all.resize(unpadded(all.len()), 0);
        all
    }

    /// The same with another body, to another port.
    pub(crate) fn again(&self, port: u32, body: &[u8]) -> Vec<u8> {
        self.build((self.kind, self.flags, port), body)
    }

    /// The answer that all is well (`netlink_ack`).
    pub(crate) fn acknowledged(&self, port: u32) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend(self.whole.iter().take(HEAD));
        self.build((ERROR, CAPPED, port), &body)
    }

    /// The answer that it is refused: `short`, without its body; with words.
    pub(crate) fn refused(&self, port: u32, errno: Errno, short: bool, words: Option<&str>) -> Vec<u8> {
        let mut body = errno.0.wrapping_neg().to_le_bytes().to_vec();
        let told = if short { HEAD } else { self.whole.len() };
        body.extend(self.whole.iter().take(told));
        let mut flags = if short { CAPPED } else { 0 };
        if let Some(words) = words {
            flags |= WORDS;
            body.resize(unpadded(body.len()), 0);
            let mut text = words.as_bytes().to_vec();
            text.push(0);
            put(&mut body, TEXT, &text);
        }
        self.build((ERROR, flags, port), &body)
    }
}

/// The attributes that begin here: numbers and values.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let [l0, l1, k0, k1] = *rest.first_chunk::<ATTRIBUTE>()?;
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let value = rest.get(ATTRIBUTE..length)?;
        rest = rest.get(unpadded(length)..).unwrap_or_default();
        Some((u16::from_le_bytes([k0, k1]) & !BESIDE, value))
    })
}

/// Puts an attribute behind others; one that is too long is left out.
pub(crate) fn put(all: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let Ok(length) = u16::try_from(ATTRIBUTE + value.len()) else {
        return;
    };
    all.extend(length.to_le_bytes());
    all.extend(kind.to_le_bytes());
    all.extend(value);
    all.resize(unpadded(all.len()), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_or_none() {
        let mut body = vec![0; 16];
        put(&mut body, 43 | 0x8000, &[8, 0, 1, 0, 7, 0, 0, 0]);
        put(&mut body, 3, b"lo\0");
        let request = |length: u32| {
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend([19, 0, 5, 0, 9, 9, 9, 9, 0, 0, 0, 0]);
            bytes.extend(&body);
            bytes
        };
        let length = 16 + body.len() as u32;
        let bytes = request(length);
        let message = Message::of(&bytes).unwrap();
        assert!(message.kind == 19 && message.wants_acknowledgement() && !message.is_part());
        let found: Vec<_> = attributes(&message.body[16..]).collect();
        assert_eq!(found, [(43, &[8, 0, 1, 0, 7, 0, 0, 0][..]), (3, &b"lo\0"[..])]);
        for wrong in [0, 15, length + 1, u32::MAX] {
            assert!(Message::of(&request(wrong)).is_none(), "{wrong}");
        }
        assert_eq!(attributes(&[3, 0, 1, 0]).count(), 0);
        assert_eq!(attributes(&[9, 0, 1, 0, 1]).count(), 0);
    }

    #[test]
    fn answers_say_what_is_answered() {
        let bytes = [
            [20, 0, 0, 0, 19, 0, 5, 0, 1, 2, 3, 4, 0, 0, 0, 0].as_slice(),
            &[7; 4],
        ]
        .concat();
        let message = Message::of(&bytes).unwrap();
        let answer = message.acknowledged(77);
        let read = Message::of(&answer).unwrap();
        assert_eq!((read.kind, read.flags, read.sequence), (2, 0x100, [1, 2, 3, 4]));
        assert_eq!(read.body, [&[0; 4], &bytes[..16]].concat());
        let answer = message.refused(77, Errno::EBUSY, false, Some("no"));
        let read = Message::of(&answer).unwrap();
        assert_eq!((read.kind, read.flags, answer[12]), (2, 0x200, 77));
        let expected = [
            &(-16i32).to_le_bytes()[..],
            &bytes,
            &[7, 0, 1, 0, b'n', b'o', 0, 0],
        ]
        .concat();
        assert_eq!(read.body, expected);
    }
}
