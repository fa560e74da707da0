//! Reading `.BTF.ext`.

use verdict_btf::ext::BtfExt;
use verdict_btf::{Btf, Kind};

const SAMPLE: &[u8] = include_bytes!("data/sample.btf");
const SAMPLE_EXT: &[u8] = include_bytes!("data/sample.btf.ext");

#[test]
fn records_are_read_by_section() {
    let btf = Btf::parse(SAMPLE).unwrap();
    let ext = BtfExt::parse(SAMPLE_EXT).unwrap();
    let sections = |names: Vec<u32>| {
        names
            .into_iter()
            .map(|n| btf.name(n).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        sections(ext.func_info.sections.iter().map(|s| s.name_off).collect()),
        ["socket", ".text"]
    );
    assert_eq!(ext.func_info.rec_size, 8);
    let funcs = &ext.func_info.sections[1].records;
    assert_eq!(funcs.len(), 1);
    assert_eq!(Some(funcs[0].type_id), btf.find("helper", Kind::Func));
    let lines = &ext.line_info.sections[0].records;
    assert_eq!(btf.name(lines[0].file_name_off), "./sample.c");
    assert!(lines.iter().all(|l| l.line_col >> 10 != 0));
    let relos = ext
        .core_relos
        .sections
        .iter()
        .map(|s| s.records.len())
        .collect::<Vec<_>>();
    assert_eq!(relos, [4, 3]);
    assert!(ext.core_relos.sections.iter().all(|s| !s.unknown_fields));
}

#[test]
fn what_libbpf_refuses_is_refused_with_its_reason() {
    let message = |data: &[u8]| BtfExt::parse(data).unwrap_err().message;
    let patched = |at: usize, value: u32| {
        let mut data = SAMPLE_EXT.to_vec();
        data[at..at + 4].copy_from_slice(&value.to_le_bytes());
        message(&data)
    };
    assert_eq!(message(&[]), "BTF.ext header not found");
    assert_eq!(patched(0, 0x0002_eb9f), "Unsupported BTF.ext version:2");
    assert_eq!(patched(0, 0x0101_eb9f), "Unsupported BTF.ext flags:1");
    assert_eq!(message(&SAMPLE_EXT[..32]), "BTF.ext has no data");
    assert_eq!(
        patched(8, 2),
        ".BTF.ext func_info section is not aligned to 4 bytes"
    );
    assert_eq!(
        patched(32, 6),
        "func_info section in .BTF.ext has invalid record size 6"
    );
    assert_eq!(
        patched(40, 0),
        "func_info section has incorrect num_records in .BTF.ext"
    );
    assert_eq!(
        patched(12, 100_000),
        "func_info section (off:0 len:100000) is beyond the end of the ELF section .BTF.ext"
    );
}
