//! The kfuncs that the verifier knows by name.

macro_rules! special {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A kfunc for which the verifier has rules of its own (`special_kfunc_list`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Special { $($(#[$doc])* $variant,)* }

        impl Special {
            /// All of them.
            pub const ALL: &'static [Special] = &[$(Special::$variant),*];

            /// The kfunc's name.
            pub const fn name(self) -> &'static str {
                match self { $(Special::$variant => $name,)* }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<Special> {
                match name { $($name => Some(Special::$variant),)* _ => None }
            }
        }
    };
}

special! {
    /// Allocates an object of a program type.
    ObjNew = "bpf_obj_new_impl";
    /// Frees an object of a program type.
    ObjDrop = "bpf_obj_drop_impl";
    /// Takes a reference to an object of a program type.
    RefcountAcquire = "bpf_refcount_acquire_impl";
    /// Adds a node at the front of a list.
    ListPushFront = "bpf_list_push_front_impl";
    /// Adds a node at the back of a list.
    ListPushBack = "bpf_list_push_back_impl";
    /// Takes the node at the front of a list.
    ListPopFront = "bpf_list_pop_front";
    /// Takes the node at the back of a list.
    ListPopBack = "bpf_list_pop_back";
    /// Gives the kernel's own context behind the program's.
    CastToKernCtx = "bpf_cast_to_kern_ctx";
    /// Gives a read-only view as a kernel type.
    RdonlyCast = "bpf_rdonly_cast";
    /// Enters an RCU read section.
    RcuReadLock = "bpf_rcu_read_lock";
    /// Leaves an RCU read section.
    RcuReadUnlock = "bpf_rcu_read_unlock";
    /// Takes a node out of a red-black tree.
    RbtreeRemove = "bpf_rbtree_remove";
    /// Adds a node to a red-black tree.
    RbtreeAdd = "bpf_rbtree_add_impl";
    /// Looks at the first node of a red-black tree.
    RbtreeFirst = "bpf_rbtree_first";
    /// Makes a dynptr of a packet buffer.
    DynptrFromSkb = "bpf_dynptr_from_skb";
    /// Makes a dynptr of an XDP frame.
    DynptrFromXdp = "bpf_dynptr_from_xdp";
    /// Gives a read-only slice of a dynptr.
    DynptrSlice = "bpf_dynptr_slice";
    /// Gives a writable slice of a dynptr.
    DynptrSliceRdwr = "bpf_dynptr_slice_rdwr";
    /// Copies a dynptr.
    DynptrClone = "bpf_dynptr_clone";
    /// Allocates a per-CPU object of a program type.
    PercpuObjNew = "bpf_percpu_obj_new_impl";
    /// Frees a per-CPU object of a program type.
    PercpuObjDrop = "bpf_percpu_obj_drop_impl";
    /// Throws an exception.
    Throw = "bpf_throw";
    /// Sets the callback of a work queue.
    WqSetCallback = "bpf_wq_set_callback_impl";
    /// Disables preemption.
    PreemptDisable = "bpf_preempt_disable";
    /// Enables preemption.
    PreemptEnable = "bpf_preempt_enable";
    /// Starts to walk the tasks of a css.
    IterCssTaskNew = "bpf_iter_css_task_new";
    /// Gives the cookie that entry and exit of a session share.
    SessionCookie = "bpf_session_cookie";
    /// Looks at the node at the front of a list.
    ListFront = "bpf_list_front";
    /// Looks at the node at the back of a list.
    ListBack = "bpf_list_back";
    /// Looks at the root node of a red-black tree.
    RbtreeRoot = "bpf_rbtree_root";
    /// Looks at the left child of a node.
    RbtreeLeft = "bpf_rbtree_left";
    /// Looks at the right child of a node.
    RbtreeRight = "bpf_rbtree_right";
    /// Makes a dynptr of a packet buffer's metadata.
    DynptrFromSkbMeta = "bpf_dynptr_from_skb_meta";
    /// Makes more of an XDP frame linear.
    XdpPullData = "bpf_xdp_pull_data";
    /// Finds the cache that an address was allocated from.
    GetKmemCache = "bpf_get_kmem_cache";
    /// Saves the interrupt flags and disables interrupts.
    LocalIrqSave = "bpf_local_irq_save";
    /// Restores the interrupt flags.
    LocalIrqRestore = "bpf_local_irq_restore";
    /// Tries to take a resilient spin lock.
    ResSpinLock = "bpf_res_spin_lock";
    /// Gives back a resilient spin lock.
    ResSpinUnlock = "bpf_res_spin_unlock";
    /// Tries to take a resilient spin lock with interrupts disabled.
    ResSpinLockIrqsave = "bpf_res_spin_lock_irqsave";
    /// Gives back a resilient spin lock and restores the interrupt flags.
    ResSpinUnlockIrqrestore = "bpf_res_spin_unlock_irqrestore";
    /// What compilers make of undefined behaviour.
    Trap = "__bpf_trap";
    /// Schedules work for a task that is signalled.
    TaskWorkSignal = "bpf_task_work_schedule_signal_impl";
    /// Schedules work for a task that resumes.
    TaskWorkResume = "bpf_task_work_schedule_resume_impl";
}

impl Special {
    /// Whether the type of what the kfunc returns is decided by rules of its own (`special_kfunc_set`).
    pub const fn decides_own_type(self) -> bool {
        !matches!(
            self,
            Special::RcuReadLock
                | Special::RcuReadUnlock
                | Special::PreemptDisable
                | Special::PreemptEnable
                | Special::SessionCookie
                | Special::XdpPullData
                | Special::GetKmemCache
                | Special::LocalIrqSave
                | Special::LocalIrqRestore
                | Special::ResSpinLock
                | Special::ResSpinUnlock
                | Special::ResSpinLockIrqsave
                | Special::ResSpinUnlockIrqrestore
                | Special::Trap
                | Special::TaskWorkSignal
                | Special::TaskWorkResume
                | Special::DynptrFromSkbMeta
        )
    }

    /// Whether this works on lists (`is_bpf_list_api_kfunc`).
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Special::ListPushFront
                | Special::ListPushBack
                | Special::ListPopFront
                | Special::ListPopBack
                | Special::ListFront
                | Special::ListBack
        )
    }

    /// Whether this works on red-black trees (`is_bpf_rbtree_api_kfunc`).
    pub const fn is_rbtree(self) -> bool {
        matches!(
            self,
            Special::RbtreeAdd
                | Special::RbtreeRemove
                | Special::RbtreeFirst
                | Special::RbtreeRoot
                | Special::RbtreeLeft
                | Special::RbtreeRight
        )
    }

    /// Whether this works on graphs of program objects, and may be called while their lock is held
    /// (`is_bpf_graph_api_kfunc`).
    pub const fn is_graph(self) -> bool {
        self.is_list() || self.is_rbtree() || matches!(self, Special::RefcountAcquire)
    }

    /// Whether this takes or gives back a resilient spin lock (`is_bpf_res_spin_lock_kfunc`).
    pub const fn is_resilient_lock(self) -> bool {
        matches!(
            self,
            Special::ResSpinLock
                | Special::ResSpinUnlock
                | Special::ResSpinLockIrqsave
                | Special::ResSpinUnlockIrqrestore
        )
    }

    /// Whether this tries to take a resilient spin lock.
    pub const fn takes_resilient_lock(self) -> bool {
        matches!(self, Special::ResSpinLock | Special::ResSpinLockIrqsave)
    }

    /// Whether this looks at a node of a graph without taking it out.
    pub const fn peeks(self) -> bool {
        matches!(
            self,
            Special::RbtreeFirst
                | Special::RbtreeRoot
                | Special::RbtreeLeft
                | Special::RbtreeRight
                | Special::ListFront
                | Special::ListBack
        )
    }

    /// Whether this schedules work for a task (`is_task_work_add_kfunc`).
    pub const fn schedules_task_work(self) -> bool {
        matches!(self, Special::TaskWorkSignal | Special::TaskWorkResume)
    }

    /// Whether this adds a node to a graph, which the graph then owns.
    pub const fn adds_node(self) -> bool {
        matches!(
            self,
            Special::ListPushFront | Special::ListPushBack | Special::RbtreeAdd
        )
    }

    /// Whether calls keep the caller-saved registers that no argument uses, because the call is inlined
    /// (`is_fastcall_kfunc_call`).
    pub const fn is_fastcall(self) -> bool {
        matches!(self, Special::CastToKernCtx | Special::RdonlyCast)
    }

    /// Whether the kfunc calls back before it returns (`is_sync_callback_calling_kfunc`).
    pub const fn calls_back(self) -> bool {
        matches!(self, Special::RbtreeAdd)
    }

    /// Whether the kfunc calls back some time later (`is_async_callback_calling_kfunc`).
    pub const fn calls_back_later(self) -> bool {
        matches!(self, Special::WqSetCallback) || self.schedules_task_work()
    }
}
