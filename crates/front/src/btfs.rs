//! `BTF_LOAD`.

use std::sync::Arc;

use verdict_btf::{Btf, validate};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_kernel::semantics::log::LogBuffer as LogKind;
use verdict_log::{Buffer, Level, Written};
use verdict_syscall::btf::rules;
use verdict_syscall::notes::Rejection;
use verdict_syscall::prog::flags::TOKEN_FD;

use crate::bpf::Asked;
use crate::objects::{Body, BtfBody};
use crate::play::{Answer, Play};
use crate::records::What;

/// The most bytes of a BTF (`BTF_MAX_SIZE`).
const MOST: u32 = 16 << 20;

/// The caller's buffer for a log, and what was written.
pub(crate) struct LogBuffer {
    pub(crate) level: u32,
    pub(crate) size: u32,
    pub(crate) at: u64,
    /// The field that is told how large it was.
    pub(crate) true_size: &'static str,
}

impl LogBuffer {
    /// The size, if there is a buffer.
    pub(crate) fn room(&self) -> Option<u32> {
        (self.at != 0).then_some(self.size)
    }

    /// Whether the kernel takes it (`bpf_verifier_log_attr_valid`).
    pub(crate) fn is_valid(&self, play: &Play<'_>) -> bool {
        let both = (self.at != 0) == (self.size != 0);
        let wanted = self.at == 0 || self.level != 0;
        // Kernels whose buffers stay full tell no sizes, and have no use for a level alone.
        let rolls = play.kernel.semantics.log.log_buffer == LogKind::Rolls;
        let held = rolls || self.level == 0 || self.at != 0;
        let none = self.level == 0 && self.size == 0;
        let fits = self.size <= u32::MAX >> 2;
        both && wanted && held && fits && (none || Level(self.level).accepts(self.room(), play.kernel))
    }

    /// Hands a log over: the errno that the call ends with, if that is not its own.
    pub(crate) fn hand_over(&self, asked: &Asked<'_>, log: &[u8], written: Written) -> Result<(), Errno> {
        let mut ended = Ok(());
        if self.level != 0 && self.at != 0 {
            let mut text = log.to_vec();
            text.push(0);
            text.truncate(self.size as usize);
            if asked.write(self.at, &text).is_err() {
                ended = Err(Errno::EFAULT);
            } else if written.truncated {
                ended = Err(Errno::ENOSPC);
            }
        }
        let true_size = asked.attr_field(self.true_size).filter(|end| end.1 <= asked.size);
        if let Some((at, _)) = true_size {
            let size = if self.level == 0 { 0 } else { written.true_size };
            let told = asked.write(asked.at.wrapping_add(at as u64), &size.to_le_bytes());
            told.map_err(|_| Errno::EFAULT)?;
        }
        ended
    }
}

impl Asked<'_> {
    /// Where a field of the attributes begins and ends.
    pub(crate) fn attr_field(&self, name: &str) -> Option<(usize, usize)> {
        let (at, size) = self.attr.field(name)?;
        Some((at, at + size))
    }
}

impl Play<'_> {
    pub(crate) fn btf_load(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let size = attr.u32("btf_size");
        let buffer = LogBuffer {
            level: attr.u32("btf_log_level"),
            size: attr.u32("btf_log_size"),
            at: attr.u64("btf_log_buf"),
            true_size: "btf_log_true_size",
        };
        let flags = attr.u32("btf_flags");
        if flags & !TOKEN_FD != 0 {
            return Err(Errno::EINVAL);
        }
        if flags != 0 {
            return Err(self.no_token(asked, "btf_token_fd"));
        }
        if size > MOST {
            return Err(Errno::E2BIG);
        }
        if !buffer.is_valid(self) {
            return Err(Errno::EINVAL);
        }
        let bytes = asked.read(attr.u64("btf"), size as usize)?;
        let loaded = self.load_btf(&bytes);
        let (log, written) = self.btf_log(&buffer, &bytes, loaded.as_ref().err());
        let mut told = buffer.hand_over(asked, &log, written);
        // Kernels whose buffers stay full leave a log of types that cannot be written.
        if self.kernel.semantics.log.log_buffer != LogKind::Rolls && told == Err(Errno::EFAULT) {
            told = Ok(());
        }
        let end = match &loaded {
            Err(refused) => told.and(Err(refused.errno)),
            Ok(_) => told,
        };
        if let Err(refused) = &loaded {
            self.refused_at(refused.site);
        }
        let words = loaded.as_ref().err().map(|refused| refused.text.as_str());
        let last = words.unwrap_or_default().lines().last().unwrap_or_default();
        self.note(asked.name, What::Btf(bytes.len(), last.to_owned()), end.err());
        end?;
        let btf = loaded.ok();
        let body = Body::Btf(BtfBody { btf });
        let handle = self.objects.add(body, false).map_err(|_| Errno::ENOMEM)?;
        self.give(handle, true, true)
    }

    fn load_btf(&mut self, bytes: &[u8]) -> Result<Arc<verdict_syscall::ProgBtf>, Rejection> {
        let parsed = match Btf::parse(bytes.to_vec()) {
            Ok(parsed) => Arc::new(parsed),
            Err(_) => {
                // What libbpf cannot read the kernel refuses, for reasons of its own.
                let refused = validate::validate_by(bytes, rules(self.kernel));
                let rejected = refused.err().unwrap_or(validate::Rejected {
                    errno: Errno::EINVAL.0,
                    log: String::new(),
                });
                return Err(Rejection::new(
                    Rule::BtfFormat,
                    Errno(rejected.errno),
                    rejected.log,
                ));
            }
        };
        self.session.btf_load(&parsed)?;
        let loaded = self.session.btf(&parsed).map(Arc::clone);
        loaded.ok_or_else(|| Rejection::new(Rule::BtfFormat, Errno::ENOMEM, String::new()))
    }

    /// The log of a BTF: all its types, and what is wrong with it.
    fn btf_log(&self, buffer: &LogBuffer, bytes: &[u8], refused: Option<&Rejection>) -> (Vec<u8>, Written) {
        let mut log = Vec::new();
        if buffer.level == 0 {
            return (log, Written::default());
        }
        let text = match refused {
            Some(refused) => refused.text.clone(),
            None => validate::log(bytes, rules(self.kernel)),
        };
        let room = Level(buffer.level).room(buffer.room(), self.kernel);
        let mut lines = Buffer::new(&mut log, room, true);
        for line in text.split_inclusive('\n') {
            lines.push(line);
        }
        let written = lines.finish().unwrap_or_default(); // a vector takes all
        (log, written)
    }
}
