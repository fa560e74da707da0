//! `.BTF.ext`: what belongs to the instructions of an object, by ELF section.

use crate::ty::word;
use crate::{BtfError, TypeId};

/// `EOPNOTSUPP`, which is what user space calls `ENOTSUP`.
const ENOTSUP: i32 = crate::errno::EOPNOTSUPP;
const MAGIC: u16 = 0xeb9f;

/// A parsed `.BTF.ext` section.
#[derive(Clone, Debug, Default)]
pub struct BtfExt {
    /// Functions.
    pub func_info: Info<FuncInfo>,
    /// Source lines.
    pub line_info: Info<LineInfo>,
    /// CO-RE relocations.
    pub core_relos: Info<CoreRelo>,
}

/// One of the three parts.
#[derive(Clone, Debug)]
pub struct Info<R> {
    /// Bytes of a record as stored, at least those of the fields known here; 0 when the part is absent.
    pub rec_size: u32,
    /// The records by ELF section, in order.
    pub sections: Vec<Section<R>>,
}

impl<R> Default for Info<R> {
    fn default() -> Self {
        Info {
            rec_size: 0,
            sections: Vec::new(),
        }
    }
}

impl<R> Info<R> {
    /// Whether the part is absent.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }
}

/// The records of one ELF section.
#[derive(Clone, Debug)]
pub struct Section<R> {
    /// Name of the ELF section, an offset into the BTF's strings.
    pub name_off: u32,
    /// The records, never empty.
    pub records: Vec<R>,
    /// Whether some record has a byte other than 0 beyond the fields known here.
    pub unknown_fields: bool,
}

/// `bpf_func_info` as stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FuncInfo {
    /// Byte offset of the first instruction in the section.
    pub insn_off: u32,
    /// Its `BTF_KIND_FUNC`.
    pub type_id: TypeId,
}

/// `bpf_line_info` as stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineInfo {
    /// Byte offset of the first instruction in the section.
    pub insn_off: u32,
    /// File name.
    pub file_name_off: u32,
    /// Text of the line.
    pub line_off: u32,
    /// Line number (upper 22 bits) and column (lower 10).
    pub line_col: u32,
}

/// `bpf_core_relo`: an instruction that depends on a type's shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreRelo {
    /// Byte offset of the instruction in the section.
    pub insn_off: u32,
    /// The local type.
    pub type_id: TypeId,
    /// The access string (`"0:1:2"`).
    pub access_str_off: u32,
    /// `BPF_CORE_*`, see [`crate::core::RelocKind`].
    pub kind: u32,
}

/// A record that can be read from its words.
trait Record: Sized {
    const SIZE: u32;
    const DESC: &'static str;
    fn read(bytes: &[u8]) -> Self;
}

impl Record for FuncInfo {
    const SIZE: u32 = 8;
    const DESC: &'static str = "func_info";
    fn read(b: &[u8]) -> Self {
        FuncInfo {
            insn_off: word(b, 0),
            type_id: TypeId(word(b, 4)),
        }
    }
}

impl Record for LineInfo {
    const SIZE: u32 = 16;
    const DESC: &'static str = "line_info";
    fn read(b: &[u8]) -> Self {
        LineInfo {
            insn_off: word(b, 0),
            file_name_off: word(b, 4),
            line_off: word(b, 8),
            line_col: word(b, 12),
        }
    }
}

impl Record for CoreRelo {
    const SIZE: u32 = 16;
    const DESC: &'static str = "core_relo";
    fn read(b: &[u8]) -> Self {
        CoreRelo {
            insn_off: word(b, 0),
            type_id: TypeId(word(b, 4)),
            access_str_off: word(b, 8),
            kind: word(b, 12),
        }
    }
}

impl BtfExt {
    /// Parses the section as libbpf does. A part without records makes the whole section unusable.
    ///
    /// # Errors
    /// What `btf_ext__new` refuses.
    pub fn parse(data: &[u8]) -> Result<BtfExt, BtfError> {
        let hdr_len = check_header(data)?;
        // The parts are read where they are named in the header, of which older compilers emit less.
        if hdr_len < 24 {
            return Err(BtfError::invalid(""));
        }
        let core_relos = if hdr_len < 32 {
            (0, 0)
        } else {
            (word(data, 24), word(data, 28))
        };
        Ok(BtfExt {
            func_info: part(data, hdr_len, word(data, 8), word(data, 12))?,
            line_info: part(data, hdr_len, word(data, 16), word(data, 20))?,
            core_relos: part(data, hdr_len, core_relos.0, core_relos.1)?,
        })
    }
}

fn check_header(data: &[u8]) -> Result<u32, BtfError> {
    if data.len() < 8 || data.len() < word(data, 4) as usize || data.len() > u32::MAX as usize {
        return Err(BtfError::invalid("BTF.ext header not found"));
    }
    let first = word(data, 0);
    let (magic, version, flags) = (first as u16, first >> 16 & 0xff, first >> 24);
    if magic == MAGIC.swap_bytes() {
        return Err(BtfError::new(
            ENOTSUP,
            "BTF.ext in non-native endianness is not supported",
        ));
    }
    if magic != MAGIC {
        return Err(BtfError::invalid(format!("Invalid BTF.ext magic:{magic:x}")));
    }
    if version != 1 {
        return Err(BtfError::new(
            ENOTSUP,
            format!("Unsupported BTF.ext version:{version}"),
        ));
    }
    if flags != 0 {
        return Err(BtfError::new(
            ENOTSUP,
            format!("Unsupported BTF.ext flags:{flags:x}"),
        ));
    }
    let hdr_len = word(data, 4);
    if data.len() == hdr_len as usize {
        return Err(BtfError::invalid("BTF.ext has no data"));
    }
    Ok(hdr_len)
}

fn part<R: Record>(data: &[u8], hdr_len: u32, off: u32, len: u32) -> Result<Info<R>, BtfError> {
    let desc = R::DESC;
    if len == 0 {
        return Ok(Info::default());
    }
    if off & 3 != 0 {
        return Err(BtfError::invalid(format!(
            ".BTF.ext {desc} section is not aligned to 4 bytes"
        )));
    }
    let start = hdr_len as usize + off as usize;
    let bytes = data.get(start..start + len as usize).ok_or_else(|| {
        BtfError::invalid(format!(
            "{desc} section (off:{off} len:{len}) is beyond the end of the ELF section .BTF.ext"
        ))
    })?;
    let Some((first, mut left)) = bytes.split_at_checked(4) else {
        return Err(BtfError::invalid(format!(
            ".BTF.ext {desc} record size not found"
        )));
    };
    let rec_size = word(first, 0);
    if rec_size < R::SIZE || rec_size & 3 != 0 {
        return Err(BtfError::invalid(format!(
            "{desc} section in .BTF.ext has invalid record size {rec_size}"
        )));
    }
    if left.is_empty() {
        return Err(BtfError::invalid(format!(
            "{desc} section in .BTF.ext has no records"
        )));
    }
    let mut info = Info {
        rec_size,
        sections: Vec::new(),
    };
    while !left.is_empty() {
        let (section, rest) = section::<R>(left, rec_size)?;
        info.sections.push(section);
        left = rest;
    }
    Ok(info)
}

fn section<R: Record>(left: &[u8], rec_size: u32) -> Result<(Section<R>, &[u8]), BtfError> {
    let desc = R::DESC;
    let Some((head, body)) = left.split_at_checked(8) else {
        return Err(BtfError::invalid(format!(
            "{desc} section header is not found in .BTF.ext"
        )));
    };
    let (name_off, count) = (word(head, 0), word(head, 4));
    let total = u64::from(count) * u64::from(rec_size);
    let bad = || BtfError::invalid(format!("{desc} section has incorrect num_records in .BTF.ext"));
    if count == 0 {
        return Err(bad());
    }
    let total = usize::try_from(total).map_err(|_| bad())?;
    let (records, rest) = body.split_at_checked(total).ok_or_else(bad)?;
    let chunks = records.chunks_exact(rec_size as usize);
    let unknown_fields = chunks.clone().any(|c| {
        c.get(R::SIZE as usize..)
            .unwrap_or_default()
            .iter()
            .any(|&b| b != 0)
    });
    Ok((
        Section {
            name_off,
            records: chunks.map(R::read).collect(),
            unknown_fields,
        },
        rest,
    ))
}
