//! Lists and trees of the program's objects: their roots, their nodes, and who owns a node.

use verdict_kernel::kfunc::Special;
use verdict_kernel::semantics::control::{References, TreeNode};
use verdict_kernel::types::{Flags, RegBase, RegType};
use verdict_syscall::{FieldKind, FieldMask, GraphRoot, TypeRef};

use super::meta::Meta;
use crate::error::{Res, reject};
use crate::index::{R2, RegNo};
use crate::memory::{Words, type_is_non_owning_ref};
use crate::observer::Observer;
use crate::state::{ActiveLock, BtfHandle, RefKind, Reg};
use crate::verifier::Verifier;

/// An object that the program allocated, with no other flag.
pub(super) const OBJECT: RegType = RegType::new(RegBase::BtfId, Flags::ALLOC);

/// Lists or trees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Graph {
    List,
    Tree,
}

impl Graph {
    const fn root(self) -> FieldMask {
        match self {
            Graph::List => FieldMask::LIST_HEAD,
            Graph::Tree => FieldMask::RB_ROOT,
        }
    }
    const fn node(self) -> FieldMask {
        match self {
            Graph::List => FieldMask::LIST_NODE,
            Graph::Tree => FieldMask::RB_NODE,
        }
    }
    const fn root_name(self) -> &'static str {
        match self {
            Graph::List => "bpf_list_head",
            Graph::Tree => "bpf_rb_root",
        }
    }
    const fn node_name(self) -> &'static str {
        match self {
            Graph::List => FieldKind::ListNode.name(),
            Graph::Tree => FieldKind::RbNode.name(),
        }
    }
    /// Whether a function has a root of this graph among its arguments.
    const fn has_root(self, func: Special) -> bool {
        match self {
            Graph::List => func.is_list(),
            Graph::Tree => func.is_rbtree(),
        }
    }
    /// Whether a function has a node of this graph among its arguments.
    const fn has_node(self, func: Special) -> bool {
        match self {
            Graph::List => matches!(func, Special::ListPushFront | Special::ListPushBack),
            Graph::Tree => matches!(
                func,
                Special::RbtreeAdd | Special::RbtreeRemove | Special::RbtreeLeft | Special::RbtreeRight
            ),
        }
    }
}

/// What a list or tree holds: a pointer to the node in one of its elements (`mark_reg_graph_node`).
pub(super) fn graph_node(root: GraphRoot) -> Reg {
    let mut reg = Reg::pointer(OBJECT);
    reg.set_btf(BtfHandle::PROGRAM, root.value.0);
    reg.off = root.node_offset as i32;
    reg
}

/// Where an argument points to, its variable part being constant.
fn offset(reg: &Reg) -> u32 {
    (reg.off as u32).wrapping_add(reg.b.var_off().value as u32)
}

impl<O: Observer> Verifier<'_, O> {
    /// An argument that is the root of a list or tree (`process_kf_arg_ptr_to_list_head` and its like).
    pub(super) fn check_graph_root(&mut self, regno: RegNo, graph: Graph, meta: &mut Meta) -> Res<()> {
        let (reg, arg) = (*self.reg(regno), regno.arg());
        if !reg.ty.is(RegBase::MapValue) && reg.ty != OBJECT {
            reject!(
                GraphArgument,
                EINVAL,
                "arg#{arg} expected pointer to map value or allocated object\n"
            );
        }
        if reg.ty == OBJECT && reg.ref_obj_id == 0 {
            reject!(NodeOwnership, EINVAL, "allocated object must be referenced\n");
        }
        let name = graph.root_name();
        if !meta.func.special.is_some_and(|func| graph.has_root(func)) {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: {name} head arg for unknown kfunc\n"
            );
        }
        check_constant(&reg, regno, name)?;
        let record = self.reg_record(&reg);
        let off = offset(&reg);
        let Some((record, field)) = record
            .as_ref()
            .and_then(|r| Some((r, r.find(off, graph.root())?)))
        else {
            reject!(GraphArgument, EINVAL, "{name} not found at offset={off}\n");
        };
        let lock = record.spin_lock_off().map_or(-1, i64::from);
        self.check_object_locked(&reg)
            .then(|| format!("bpf_spin_lock at off={lock} must be held for {name}\n"))?;
        if meta.root.is_some() {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: repeating {name} arg\n"
            );
        }
        meta.root = Some(*field);
        Ok(())
    }

    /// Whether the lock beside a root is held (`check_reg_allocation_locked`).
    fn check_object_locked(&self, reg: &Reg) -> Res<()> {
        let held = self.walk.cur.active_lock;
        if held.is_none() {
            reject!(GraphLock, EINVAL);
        }
        let wanted = ActiveLock::of(reg);
        let by_state = self.env.kernel.semantics.control.references == References::State;
        let is_held = match by_state {
            true => self.holds_lock(&[RefKind::Lock, RefKind::ResLock, RefKind::ResLockIrq], wanted),
            false => held == Some(wanted),
        };
        if !is_held {
            reject!(
                GraphLock,
                EINVAL,
                "held lock and object are not in the same allocation\n"
            );
        }
        Ok(())
    }

    /// An argument that is a node of a list or tree (`process_kf_arg_ptr_to_list_node` and its like).
    pub(super) fn check_graph_node(&mut self, regno: RegNo, graph: Graph, meta: &mut Meta) -> Res<()> {
        let (reg, arg) = (*self.reg(regno), regno.arg());
        if graph == Graph::Tree && !meta.func.is(Special::RbtreeAdd) {
            self.check_tree_node(&reg, &meta.func.name)?;
        } else {
            if reg.ty != OBJECT {
                reject!(
                    NodeOwnership,
                    EINVAL,
                    "arg#{arg} expected pointer to allocated object\n"
                );
            }
            if reg.ref_obj_id == 0 {
                reject!(NodeOwnership, EINVAL, "allocated object must be referenced\n");
            }
        }
        let name = graph.node_name();
        if !meta.func.special.is_some_and(|func| graph.has_node(func)) {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: {name} node arg for unknown kfunc\n"
            );
        }
        check_constant(&reg, regno, name)?;
        let off = offset(&reg);
        if self
            .reg_record(&reg)
            .is_none_or(|r| r.find(off, graph.node()).is_none())
        {
            reject!(GraphArgument, EINVAL, "{name} not found at offset={off}\n");
        }
        let Some(root) = meta.root.and_then(|f| f.kind.graph_root()) else {
            reject!(VerifierBug, EFAULT)
        };
        self.check_node_of(root, graph, &reg, off)?;
        meta.object = (reg.btf(), reg.btf_id());
        if off != root.node_offset {
            reject!(
                GraphArgument,
                EINVAL,
                "arg#1 offset={}, but expected {name} at offset={} in struct {}\n",
                off as i32,
                root.node_offset,
                self.type_name(BtfHandle::PROGRAM, root.value.0)
            );
        }
        Ok(())
    }

    /// A node that is in a tree already.
    fn check_tree_node(&self, reg: &Reg, func: &str) -> Res<()> {
        let any = self.env.kernel.semantics.control.tree_node == TreeNode::Any;
        if any && !type_is_non_owning_ref(reg.ty) && reg.ref_obj_id == 0 {
            reject!(
                NodeOwnership,
                EINVAL,
                "{func} can only take non-owning or refcounted bpf_rb_node pointer\n"
            );
        }
        if !any && (!type_is_non_owning_ref(reg.ty) || reg.ref_obj_id != 0) {
            reject!(
                NodeOwnership,
                EINVAL,
                "rbtree_remove node input must be non-owning ref\n"
            );
        }
        if self.in_rbtree_lock_required_cb() {
            let func = if any { func } else { "rbtree_remove" };
            reject!(RbtreeCallback, EINVAL, "{func} not allowed in rbtree cb\n");
        }
        Ok(())
    }

    /// Whether the root holds such objects.
    fn check_node_of(&mut self, root: GraphRoot, graph: Graph, reg: &Reg, off: u32) -> Res<()> {
        let wanted = TypeRef::object(root.value);
        let Err(words) = self.struct_ids_match(self.type_of(reg), 0, wanted, true, false) else {
            return Ok(());
        };
        reject!(
            GraphArgument,
            EINVAL,
            "{words}operation on {} expects arg#1 {} at offset={} in struct {}, but arg is at offset={} in struct {}\n",
            graph.root_name(),
            graph.node_name(),
            root.node_offset,
            self.type_name(BtfHandle::PROGRAM, root.value.0),
            off as i32,
            self.type_name(reg.btf(), reg.btf_id())
        )
    }

    /// The argument of a tree's `less` callback: a node that the tree owns.
    pub(crate) fn node_of_tree(&self, root: &Reg) -> Res<Reg> {
        let record = self.reg_record(root);
        let field = record
            .as_ref()
            .and_then(|r| r.find(root.off as u32, FieldMask::RB_ROOT));
        let Some(root) = field.and_then(|f| f.kind.graph_root()).filter(|r| r.value.0 != 0) else {
            reject!(VerifierBug, EFAULT);
        };
        Ok(self.non_owning(graph_node(root)))
    }

    /// The same pointer without ownership (`ref_set_non_owning`): it is good as long as the lock is held, or
    /// under RCU if its object is counted. The lock is held, as the root among the arguments demanded.
    pub(super) fn non_owning(&self, reg: Reg) -> Reg {
        Reg {
            ty: reg.ty.with(self.non_owning_flags(&reg)),
            ..reg
        }
    }

    fn non_owning_flags(&self, reg: &Reg) -> Flags {
        let counted = self.reg_record(reg).is_some_and(|r| r.refcount_off().is_some());
        if counted {
            Flags::NON_OWN_REF | Flags::RCU
        } else {
            Flags::NON_OWN_REF
        }
    }

    /// The list or tree owns now the object that R2 points into; the program's pointers to it stay good while
    /// the lock is held (`ref_convert_owning_non_owning`).
    pub(super) fn give_node_away(&mut self) -> Res<()> {
        let node = *self.reg(R2);
        if node.ref_obj_id == 0 {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: ref_obj_id is zero for owning -> non-owning conversion\n"
            );
        }
        if !self.walk.cur.held().any(|r| r.id == node.ref_obj_id) {
            reject!(
                VerifierBug,
                EFAULT,
                "verifier internal error: ref state missing for ref_obj_id\n"
            );
        }
        // All pointers with this reference are of this type.
        let flags = self.non_owning_flags(&node);
        self.walk.cur.for_each_reg_mut(
            |reg| reg.ref_obj_id == node.ref_obj_id,
            |reg| {
                reg.ref_obj_id = 0;
                reg.ty = reg.ty.with(flags);
            },
        );
        Ok(())
    }
}

fn check_constant(reg: &Reg, regno: RegNo, name: &str) -> Res<()> {
    if reg.is_const() {
        return Ok(());
    }
    reject!(
        GraphArgument,
        EINVAL,
        "R{regno} doesn't have constant offset. {name} has to be at the constant offset\n"
    )
}
