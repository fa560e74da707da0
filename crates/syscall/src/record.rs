//! Special fields of a map value or of a program's own struct: where its locks, timers, kernel pointers and
//! graph heads and nodes lie.

use std::fmt;

use verdict_btf::TypeId;

use crate::space::TypeRef;

/// A set of field kinds, one bit each (the numbers of `enum btf_field_type`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct FieldMask(pub u32);

impl FieldMask {
    /// No kind.
    pub const NONE: FieldMask = FieldMask(0);
    /// `struct bpf_spin_lock`.
    pub const SPIN_LOCK: FieldMask = FieldMask(1 << 0);
    /// `struct bpf_timer`.
    pub const TIMER: FieldMask = FieldMask(1 << 1);
    /// `__kptr_untrusted`.
    pub const KPTR_UNREF: FieldMask = FieldMask(1 << 2);
    /// `__kptr`.
    pub const KPTR_REF: FieldMask = FieldMask(1 << 3);
    /// `__percpu_kptr`.
    pub const KPTR_PERCPU: FieldMask = FieldMask(1 << 4);
    /// Any kptr.
    pub const KPTR: FieldMask = FieldMask(Self::KPTR_UNREF.0 | Self::KPTR_REF.0 | Self::KPTR_PERCPU.0);
    /// `struct bpf_list_head`.
    pub const LIST_HEAD: FieldMask = FieldMask(1 << 5);
    /// `struct bpf_list_node`.
    pub const LIST_NODE: FieldMask = FieldMask(1 << 6);
    /// `struct bpf_rb_root`.
    pub const RB_ROOT: FieldMask = FieldMask(1 << 7);
    /// `struct bpf_rb_node`.
    pub const RB_NODE: FieldMask = FieldMask(1 << 8);
    /// Any graph node.
    pub const GRAPH_NODE: FieldMask = FieldMask(Self::RB_NODE.0 | Self::LIST_NODE.0);
    /// Any graph root.
    pub const GRAPH_ROOT: FieldMask = FieldMask(Self::RB_ROOT.0 | Self::LIST_HEAD.0);
    /// `struct bpf_refcount`.
    pub const REFCOUNT: FieldMask = FieldMask(1 << 9);
    /// `struct bpf_wq`.
    pub const WORKQUEUE: FieldMask = FieldMask(1 << 10);
    /// `struct bpf_res_spin_lock`.
    pub const RES_SPIN_LOCK: FieldMask = FieldMask(1 << 12);
    /// `struct bpf_task_work`.
    pub const TASK_WORK: FieldMask = FieldMask(1 << 13);
    /// Any lock.
    pub const LOCK: FieldMask = FieldMask(Self::SPIN_LOCK.0 | Self::RES_SPIN_LOCK.0);

    /// Whether any kind of `other` is in the set.
    pub const fn has(self, other: FieldMask) -> bool {
        self.0 & other.0 != 0
    }
    /// The kinds of both.
    pub const fn with(self, other: FieldMask) -> FieldMask {
        FieldMask(self.0 | other.0)
    }
    /// Whether no kind is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOr for FieldMask {
    type Output = FieldMask;
    fn bitor(self, other: FieldMask) -> FieldMask {
        self.with(other)
    }
}

impl fmt::Debug for FieldMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldMask({:#x})", self.0)
    }
}

/// What a kernel pointer field promises of its pointee.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KptrKind {
    /// May dangle (`__kptr_untrusted`).
    Unref,
    /// Owns a reference (`__kptr`).
    Ref,
    /// Owns a per-CPU object (`__percpu_kptr`).
    Percpu,
}

/// The elements that a list head or tree root holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GraphRoot {
    /// Struct of an element, in the BTF of the record's owner. Its own record is found in that BTF.
    pub value: TypeId,
    /// Bytes from the element's start to its node.
    pub node_offset: u32,
}

/// The kind of a special field with what is known of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FieldKind {
    /// `struct bpf_spin_lock`.
    SpinLock,
    /// `struct bpf_timer`.
    Timer,
    /// `struct bpf_wq`.
    Workqueue,
    /// `struct bpf_res_spin_lock`.
    ResSpinLock,
    /// `struct bpf_task_work`.
    TaskWork,
    /// Pointer to an object: of the kernel's BTF if a type of that name and kind is there (all `Ref` ones then
    /// have a destructor), else of the owner's BTF.
    Kptr(KptrKind, TypeRef),
    /// `struct bpf_list_head`.
    ListHead(GraphRoot),
    /// `struct bpf_list_node`.
    ListNode,
    /// `struct bpf_rb_root`.
    RbRoot(GraphRoot),
    /// `struct bpf_rb_node`.
    RbNode,
    /// `struct bpf_refcount`.
    Refcount,
}

impl FieldKind {
    /// Its bit.
    pub const fn mask(self) -> FieldMask {
        match self {
            FieldKind::SpinLock => FieldMask::SPIN_LOCK,
            FieldKind::Timer => FieldMask::TIMER,
            FieldKind::Workqueue => FieldMask::WORKQUEUE,
            FieldKind::ResSpinLock => FieldMask::RES_SPIN_LOCK,
            FieldKind::TaskWork => FieldMask::TASK_WORK,
            FieldKind::Kptr(KptrKind::Unref, _) => FieldMask::KPTR_UNREF,
            FieldKind::Kptr(KptrKind::Ref, _) => FieldMask::KPTR_REF,
            FieldKind::Kptr(KptrKind::Percpu, _) => FieldMask::KPTR_PERCPU,
            FieldKind::ListHead(_) => FieldMask::LIST_HEAD,
            FieldKind::ListNode => FieldMask::LIST_NODE,
            FieldKind::RbRoot(_) => FieldMask::RB_ROOT,
            FieldKind::RbNode => FieldMask::RB_NODE,
            FieldKind::Refcount => FieldMask::REFCOUNT,
        }
    }

    /// What the verifier's messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            FieldKind::SpinLock => "bpf_spin_lock",
            FieldKind::Timer => "bpf_timer",
            FieldKind::Workqueue => "bpf_wq",
            FieldKind::ResSpinLock => "bpf_res_spin_lock",
            FieldKind::TaskWork => "bpf_task_work",
            FieldKind::Kptr(KptrKind::Percpu, _) => "percpu_kptr",
            FieldKind::Kptr(..) => "kptr",
            FieldKind::ListHead(_) => "bpf_list_head",
            FieldKind::ListNode => "bpf_list_node",
            FieldKind::RbRoot(_) => "bpf_rb_root",
            FieldKind::RbNode => "bpf_rb_node",
            FieldKind::Refcount => "bpf_refcount",
        }
    }

    /// The graph root's description, if it is one.
    pub const fn graph_root(self) -> Option<GraphRoot> {
        match self {
            FieldKind::ListHead(root) | FieldKind::RbRoot(root) => Some(root),
            _ => None,
        }
    }
}

/// A special field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Field {
    /// Bytes from the value's start.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// What it is.
    pub kind: FieldKind,
}

/// All special fields of a type, by offset (`struct btf_record`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// The fields, ascending by offset, not overlapping.
    pub fields: Vec<Field>,
    /// The kinds that occur.
    pub mask: FieldMask,
}

impl Record {
    /// Whether a field of any of these kinds is there.
    pub fn has(&self, kinds: FieldMask) -> bool {
        self.mask.has(kinds)
    }
    /// The field that starts at `offset` and is of one of `kinds`.
    pub fn find(&self, offset: u32, kinds: FieldMask) -> Option<&Field> {
        let at = self
            .fields
            .binary_search_by_key(&offset, |field| field.offset)
            .ok()?;
        self.fields.get(at).filter(|field| field.kind.mask().has(kinds))
    }
    /// The offset of the first field of these kinds.
    fn offset_of(&self, kinds: FieldMask) -> Option<u32> {
        self.fields
            .iter()
            .find(|field| field.kind.mask().has(kinds))
            .map(|field| field.offset)
    }
    /// Where the spin lock is; there is at most one.
    pub fn spin_lock_off(&self) -> Option<u32> {
        self.offset_of(FieldMask::SPIN_LOCK)
    }
    /// Where the resilient spin lock is; there is at most one.
    pub fn res_spin_lock_off(&self) -> Option<u32> {
        self.offset_of(FieldMask::RES_SPIN_LOCK)
    }
    /// Where the work for a task is; there is at most one.
    pub fn task_work_off(&self) -> Option<u32> {
        self.offset_of(FieldMask::TASK_WORK)
    }
    /// Where the timer is; there is at most one.
    pub fn timer_off(&self) -> Option<u32> {
        self.offset_of(FieldMask::TIMER)
    }
    /// Where the workqueue item is; there is at most one.
    pub fn wq_off(&self) -> Option<u32> {
        self.offset_of(FieldMask::WORKQUEUE)
    }
    /// Where the reference count is; there is at most one.
    pub fn refcount_off(&self) -> Option<u32> {
        self.offset_of(FieldMask::REFCOUNT)
    }
}
