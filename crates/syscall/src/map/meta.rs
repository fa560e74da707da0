//! When a map may be put into a map of maps (`map_meta_equal`).

use verdict_kernel::map::MapType;

use super::{Map, flags};

/// Types that cannot be inner maps: their operations lack `map_meta_equal`.
pub(super) fn can_be_inner(map_type: MapType) -> bool {
    !matches!(
        map_type,
        MapType::ProgArray
            | MapType::ArrayOfMaps
            | MapType::HashOfMaps
            | MapType::CgroupStorage
            | MapType::PercpuCgroupStorage
            | MapType::StructOps
    )
}

/// Whether `map` has the shape that `inner` prescribes.
pub(super) fn equal(inner: &Map, map: &Map) -> bool {
    let same = inner.map_type == map.map_type
        && inner.key_size == map.key_size
        && inner.value_size == map.value_size
        && inner.flags == map.flags
        && inner.record == map.record;
    match inner.map_type {
        MapType::Array => {
            same && (inner.flags & flags::INNER_MAP != 0 || inner.max_entries == map.max_entries)
        }
        MapType::Xskmap => same && inner.max_entries == map.max_entries,
        _ => same,
    }
}
