//! The table of rules.

use super::{Category, Row};

macro_rules! shown_by {
    () => {
        None
    };
    ($shown_by:literal) => {
        Some($shown_by)
    };
}

/// Makes [`Rule`] and its rows: `Variant CODE "name" "kernel functions" ["object program"]: "sentence";`, where the
/// program of the corpus may be absent. Each has a page, `docs/rules/CODE.md`.
macro_rules! rules {
    ($($category:ident { $($(#[$doc:meta])* $rule:ident $code:ident $name:literal $checked_in:literal $([$shown_by:literal])?: $sentence:literal;)* })*) => {
        /// A rule that a refusal names.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Rule {
            $($(
                #[doc = concat!("`", $name, "`: ", $sentence, ".")]
                $rule,
            )*)*
        }

        impl Rule {
            /// All rules, by their codes.
            pub const ALL: &'static [Rule] = &[$($(Rule::$rule,)*)*];

            /// What the table says of it.
            pub fn row(self) -> Row {
                match self {
                    $($(
                        Rule::$rule => Row {
                            code: stringify!($code),
                            name: $name,
                            category: Category::$category,
                            checked_in: $checked_in,
                            shown_by: shown_by!($($shown_by)?),
                            sentence: $sentence,
                            page: include_str!(concat!(
                                env!("CARGO_MANIFEST_DIR"),
                                "/rules/", // a link to docs/rules, so that packages have them
                                stringify!($code),
                                ".md"
                            )),
                        },
                    )*)*
                }
            }
        }
    };
}

rules! {
    RegisterType {
        UninitializedRegister V0101 "uninitialized-register" "check_reg_arg" ["rules_register.bpf.o unset"]:
            "a register is read that holds no value on some path to this instruction";
        NotAPointer V0102 "not-a-pointer" "check_mem_access" ["references.bpf.o used_after"]:
            "memory is accessed through a register that holds no pointer to memory";
        UncheckedNull V0103 "unchecked-null" "check_mem_access" ["map_value.bpf.o maybe_null"]:
            "memory is accessed through a pointer that may be NULL";
        NullArithmetic V0104 "null-arithmetic" "adjust_ptr_min_max_vals" ["rules_register.bpf.o moved_first"]:
            "a pointer that may be NULL is moved before it is compared with NULL";
        PointerOperator V0105 "pointer-operator" "adjust_reg_min_max_vals" ["rules_register.bpf.o rounded"]:
            "a pointer is an operand of an operation that would make it meaningless";
        FixedPointer V0106 "fixed-pointer" "adjust_ptr_min_max_vals" ["rules_register.bpf.o end_moved"]:
            "a pointer of a kind that must not be moved is moved";
        ModifiedPointer V0107 "modified-pointer" "__check_ptr_off_reg" ["context.bpf.o moved"]:
            "a pointer is used that no longer points to where its object begins";
        PartialPointer V0108 "partial-pointer" "check_stack_read_fixed_off, check_stack_write_fixed_off" ["rules_register.bpf.o half_loaded"]:
            "a part of a pointer is stored in or loaded from the stack";
        MixedPointers V0109 "mixed-pointers" "save_aux_ptr_type" ["rules_register.bpf.o either"]:
            "one instruction accesses memory of different kinds, depending on the path that leads to it";
        FramePointerWrite V0110 "frame-pointer-write" "check_reg_arg" ["rules_register.bpf.o frame_pointer"]:
            "the frame pointer R10 is written";
        StackPointerEscape V0111 "stack-pointer-escape" "prepare_func_exit, check_stack_write_fixed_off" ["rules_register.bpf.o returned"]:
            "a pointer to a function's stack is handed to its caller";
        KptrType V0112 "kptr-type" "map_kptr_match_type" ["rules_register.bpf.o another_type"]:
            "a pointer is stored in a map's kptr field of another type";
        RegisterInvariants V0113 "register-invariants" "reg_bounds_sanity_check":
            "what is known of a register contradicts itself, and the program asked to be told";
    }
    Memory {
        PacketBounds V0201 "packet-bounds" "check_packet_access" ["packet_access.bpf.o off_by_one"]:
            "the access may reach beyond the packet bytes that were compared with the packet's end";
        PacketAccess V0202 "packet-access" "may_access_direct_pkt_data" ["kfunc_args.bpf.o slice_rdwr_socket"]:
            "this kind of program may not access packets in this way";
        StackBounds V0203 "stack-bounds" "check_stack_access_within_bounds" ["stack_depth.bpf.o below"]:
            "the access may reach beyond the function's stack";
        UninitializedStack V0204 "uninitialized-stack" "check_stack_range_initialized" ["kfunc_args.bpf.o slice_long"]:
            "the bytes that are read from the stack need not have been written";
        VariableStackOffset V0205 "variable-stack-offset" "check_stack_read" ["rules_memory.bpf.o atomic_variable"]:
            "an operation that needs a constant offset accesses the stack at a variable one";
        MapValueBounds V0206 "map-value-bounds" "__check_mem_access" ["map_value.bpf.o out_of_bounds"]:
            "the access may reach beyond the map's value";
        MapKeyBounds V0207 "map-key-bounds" "__check_mem_access" ["rules_memory.bpf.o key_behind"]:
            "the access may reach beyond the map's key";
        MemoryBounds V0208 "memory-bounds" "__check_mem_access" ["rules_memory.bpf.o record_behind"]:
            "the access may reach beyond the memory that the pointer was handed out for";
        BufferBounds V0209 "buffer-bounds" "__check_buffer_access" ["rules_memory.bpf.o buffer_before"]:
            "the access to the buffer has a negative or variable offset";
        NegativeOffset V0210 "negative-offset" "check_mem_region_access" ["rules_memory.bpf.o index_negative"]:
            "the offset of the access may be negative";
        UnboundedOffset V0211 "unbounded-offset" "check_mem_region_access" ["frozen_data.bpf.o unknown"]:
            "the offset of the access has no upper bound";
        PointerOffsetLimit V0212 "pointer-offset-limit" "check_reg_sane_offset" ["map_value.bpf.o negative"]:
            "a pointer is moved further than any object reaches";
        MisalignedAccess V0213 "misaligned-access" "check_generic_ptr_alignment, check_pkt_ptr_alignment" ["rules_memory.bpf.o unaligned"]:
            "the address is not a multiple of the access's size";
        ContextAccess V0214 "context-access" "check_ctx_access" ["context.bpf.o written"]:
            "the context has no such field for this kind of program, or not with this size or for writing";
        SocketAccess V0215 "socket-access" "check_sock_access, check_flow_keys_access" ["rules_memory.bpf.o flow_keys_behind"]:
            "the socket or flow keys have no such field for programs, or not with this size";
        KernelObjectAccess V0216 "kernel-object-access" "btf_struct_access, check_ptr_to_btf_access" ["rules_memory.bpf.o member_behind"]:
            "the access does not hit one member of the kernel's struct";
        KernelObjectWrite V0217 "kernel-object-write" "check_ptr_to_btf_access" ["core_relocation.bpf.o written"]:
            "the program may not write to this kernel object, or not to this member";
        ForeignAddressSpace V0218 "foreign-address-space" "check_ptr_to_btf_access" ["rules_memory.bpf.o per_cpu_direct"]:
            "a pointer to user or per-CPU memory is dereferenced directly";
        ReadOnlyMemory V0219 "read-only-memory" "check_mem_access, check_helper_mem_access" ["for_each.bpf.o key_written"]:
            "memory is written that the program may only read";
        MapAccessFlags V0220 "map-access-flags" "check_map_access_type" ["frozen_data.bpf.o written"]:
            "the map was created so that programs may not read or not write it";
        SpecialFieldAccess V0221 "special-field-access" "check_map_access, btf_struct_access" ["spin_lock.bpf.o touched"]:
            "a field that only helpers and kfuncs may touch is accessed directly";
        KptrAccess V0222 "kptr-access" "check_map_kptr_access" ["rules_memory.bpf.o kptr_stored"]:
            "a kptr field of a map's value is not accessed as a whole, by a plain load or store";
        SizeArgument V0223 "size-argument" "check_mem_size_reg" ["kfunc_args.bpf.o copy_negative"]:
            "a size argument may be negative, zero or boundless";
        AtomicTarget V0224 "atomic-target" "check_atomic" ["instructions.bpf.o on_context"]:
            "an atomic operation aims at memory, or has a size, that allows none";
        StackDepth V0225 "stack-depth" "check_max_stack_depth" ["stack_depth.bpf.o too_deep"]:
            "the stacks of nested functions together exceed the limit";
        DirectValue V0226 "direct-value" "resolve_pseudo_ldimm64":
            "the address of a byte of a map's value is taken that does not exist, or of a map that has none";
    }
    ResourceLifetime {
        ReferenceLeak V0301 "reference-leak" "check_reference_leak" ["references.bpf.o leaked"]:
            "a reference that was acquired is not released on this path";
        UnownedRelease V0302 "unowned-release" "check_func_arg, check_kfunc_args" ["kfunc_args.bpf.o release_plain"]:
            "something is released to which the program holds no reference";
        UntrustedPointer V0303 "untrusted-pointer" "check_kfunc_args" ["kfunc_region.bpf.o parent_stale"]:
            "a kfunc is given a pointer to an object that may no longer exist";
        LockPairing V0304 "lock-pairing" "process_spin_lock" ["spin_lock.bpf.o other"]:
            "a lock is taken while another is held, or released that is not held";
        LockLeak V0305 "lock-leak" "do_check" ["spin_lock.bpf.o held"]:
            "a lock is still held at the end of the program";
        DynptrState V0306 "dynptr-state" "process_dynptr_func" ["kfunc_args.bpf.o clone_used"]:
            "a dynptr is used before it is initialised, or initialised where it cannot be";
        DynptrOverwrite V0307 "dynptr-overwrite" "destroy_if_dynptr_stack_slot" ["rules_memory.bpf.o overwritten"]:
            "stack bytes are overwritten in which a dynptr lies that is still needed";
        IteratorState V0308 "iterator-state" "process_iter_arg" ["kfunc_args.bpf.o iter_none"]:
            "an iterator is used before it is created, or created twice in one place";
        NodeOwnership V0309 "node-ownership" "check_kfunc_args" ["object_graph.bpf.o push_twice"]:
            "an allocated object is used in a way that its owning or non-owning reference does not allow";
        GraphLock V0310 "graph-lock" "check_reg_allocation_locked" ["object_graph.bpf.o push_unlocked"]:
            "a list or tree is used without the lock that lies beside it";
    }
    CallType {
        ArgumentType V0401 "argument-type" "check_reg_type" ["map_value.bpf.o wrong_key"]:
            "an argument is of a type that the called function does not take";
        ArgumentNull V0402 "argument-null" "check_reg_type, check_kfunc_args" ["kfunc.bpf.o maybe_null"]:
            "an argument may be NULL where the called function takes no NULL";
        ArgumentStruct V0403 "argument-struct" "check_reg_type, process_kf_arg_ptr_to_btf_id" ["kfunc_args.bpf.o cpumask_task"]:
            "an argument points to another struct than the called function takes";
        ArgumentConstant V0404 "argument-constant" "check_func_arg, check_kfunc_args" ["kfunc_args.bpf.o slice_unknown"]:
            "an argument must be a constant, of a certain range, and is not";
        MapHelperPairing V0405 "map-helper-pairing" "check_map_func_compatibility" ["rules_call.bpf.o wrong_map"]:
            "a helper is given a map of a type that it does not work on";
        UnknownHelper V0406 "unknown-helper" "check_helper_call" ["rules_call.bpf.o unknown_helper"]:
            "the kernel has no helper of this number";
        UnknownKfunc V0407 "unknown-kfunc" "add_kfunc_call" ["rules_call.bpf.o unknown_kfunc"]:
            "the kernel has no such function to be called";
        FunctionSignature V0408 "function-signature" "btf_distill_func_proto, check_kfunc_args" ["kfunc_args.bpf.o copy_to_file"]:
            "the kernel's function has arguments or a result that programs cannot handle";
        KfuncMemory V0409 "kfunc-memory" "check_kfunc_mem_size_reg, check_kfunc_args" ["kfunc_args.bpf.o release_stack"]:
            "a kfunc is given memory whose size or contents do not fit its parameter";
        ConstString V0410 "const-string" "check_reg_const_str" ["kfunc_args.bpf.o xattr_writable"]:
            "an argument must be a constant string in a read-only map, and is not";
        FormatString V0411 "format-string" "check_bpf_snprintf_call" ["rules_call.bpf.o bad_format"]:
            "the format string is invalid, or the values do not fit it";
        SpecialFieldArgument V0412 "special-field-argument" "process_spin_lock, process_timer_func, process_kptr_func" ["workqueue.bpf.o another_map"]:
            "an argument does not point to the lock, timer, work queue or kptr that the function works on";
        DynptrArgument V0413 "dynptr-argument" "process_dynptr_func" ["kfunc_args.bpf.o slice_nothing"]:
            "an argument is no dynptr, or none of the kind or mutability that the function takes";
        GraphArgument V0414 "graph-argument" "__process_kf_arg_ptr_to_graph_root, __process_kf_arg_ptr_to_graph_node" ["object_graph.bpf.o push_offset"]:
            "an argument is not the root or node of a list or tree that belong together";
        GlobalArgument V0415 "global-argument" "btf_check_func_arg_match" ["rules_call.bpf.o no_context"]:
            "a global function is called with arguments that are not what its declaration promises";
        GlobalSignature V0416 "global-signature" "btf_prepare_func_args" ["kfunc_args.bpf.o kern_ctx_tp"]:
            "a global function has parameters or a result that the verifier cannot check by themselves";
        CallbackFunction V0417 "callback-function" "check_ld_imm, push_callback_call" ["workqueue.bpf.o not_a_function"]:
            "what is given as callback cannot be one";
        CallbackReturn V0418 "callback-return" "prepare_func_exit" ["loop_callback.bpf.o wrong_return"]:
            "a callback returns what its caller does not take";
        ReturnValue V0419 "return-value" "check_return_code" ["context.bpf.o out_of_range"]:
            "the program returns a value that its kind of program must not return";
        SubprogReturn V0420 "subprog-return" "check_return_code" ["rules_call.bpf.o pointer_returned"]:
            "a global function returns what is no number";
        AllocatedType V0421 "allocated-type" "check_kfunc_call" ["kfunc_args.bpf.o cast_int"]:
            "the type that is to be allocated or cast to does not allow it";
        ReplacedSignature V0422 "replaced-signature" "btf_check_type_match":
            "an extension has another signature than the function that it replaces";
    }
    ExecutionContext {
        SleepableCall V0501 "sleepable-call" "check_helper_call, check_kfunc_call" ["workqueue.bpf.o sleeps_outside"]:
            "a function that may sleep is called by a program that may not";
        SleepInRegion V0502 "sleep-in-region" "check_helper_call, check_kfunc_call" ["kfunc_region.bpf.o sleeps_rcu"]:
            "a function that may sleep is called in a region in which nothing may sleep";
        CallUnderLock V0503 "call-under-lock" "check_func_call, do_check" ["spin_lock.bpf.o called"]:
            "a function is called in a region in which it must not be called";
        RegionPairing V0504 "region-pairing" "check_kfunc_call" ["kfunc_region.bpf.o nested"]:
            "an RCU or preemption region is left that was not entered, or entered twice";
        RcuRequired V0505 "rcu-required" "process_iter_arg" ["kfunc_region.bpf.o tasks_no_rcu"]:
            "what may only be used within an RCU region is used outside";
        RegionLeak V0506 "region-leak" "do_check" ["kfunc.bpf.o left_open"]:
            "an RCU or preemption region is not left before the program ends";
        LeaveInRegion V0507 "leave-in-region" "check_helper_call, check_ld_abs, do_check" ["kfunc_region.bpf.o throws_rcu"]:
            "the program may end here, by tail call, exception or packet load, in a region that must be left first";
        RbtreeCallback V0508 "rbtree-callback" "in_rbtree_lock_required_cb" ["object_graph.bpf.o adds_removes"]:
            "a callback that compares nodes of a tree does what it must not";
        SleepableProgram V0509 "sleepable-program" "check_attach_btf_id" ["rules_call.bpf.o sleepable"]:
            "a program is marked sleepable that cannot be, or attaches to what must not sleep";
        SleepableMap V0510 "sleepable-map" "check_map_prog_compatibility" ["rules_call.bpf.o sleepable_map"]:
            "a sleepable program uses a map of a type that is not safe for it";
    }
    ProgramStructure {
        InvalidInsn V0601 "invalid-insn" "resolve_pseudo_ldimm64, do_check" ["rules_structure.bpf.o reserved_field"]:
            "the instruction's encoding has no meaning";
        InvalidOperand V0602 "invalid-operand" "check_alu_op" ["rules_structure.bpf.o divided_by_zero"]:
            "a division by the constant zero, or a shift by the operand's width or more";
        UnreachableInsn V0603 "unreachable-insn" "check_cfg" ["rules_structure.bpf.o unreachable"]:
            "no path leads to this instruction";
        JumpTarget V0604 "jump-target" "check_subprogs, push_insn" ["rules_structure.bpf.o jump_outside"]:
            "a jump leads out of its function or into the middle of an instruction";
        FallThrough V0605 "fall-through" "check_subprogs" ["rules_structure.bpf.o no_exit"]:
            "a function's last instruction lets control pass beyond its end";
        InfiniteLoop V0606 "infinite-loop" "is_state_visited" ["bounded_loop.bpf.o endless"]:
            "a loop comes back to where it was with nothing changed";
        InsnLimit V0607 "insn-limit" "do_check":
            "verification takes more instructions than the limit";
        JumpLimit V0608 "jump-limit" "push_stack":
            "too many branches wait to be verified";
        ProgramSize V0609 "program-size" "bpf_prog_load":
            "the program has no instructions, or more than the limit";
        CallTarget V0610 "call-target" "add_subprog":
            "a call leads to no instruction, or there are too many functions";
        CallDepth V0611 "call-depth" "setup_func_entry, check_max_stack_depth" ["subprog.bpf.o recursion"]:
            "functions call each other more deeply than the limit";
        TailCallPlacement V0612 "tail-call-placement" "check_max_stack_depth, check_btf_func" ["rules_structure.bpf.o tail_call_in_void"]:
            "a tail call stands where there may be none";
        LdAbsPlacement V0613 "ld-abs-placement" "check_ld_abs" ["rules_structure.bpf.o packet_load"]:
            "a packet load (BPF_LD_ABS, BPF_LD_IND) stands where there may be none";
        FuncInfo V0614 "func-info" "check_btf_func":
            "the program's function records do not describe its functions";
        LineInfo V0615 "line-info" "check_btf_line":
            "the program's line records do not describe its instructions";
        MapReference V0616 "map-reference" "resolve_pseudo_ldimm64" ["map_fd.bpf.o not_open"]:
            "an instruction refers to a map that does not exist";
        KernelSymbol V0617 "kernel-symbol" "check_pseudo_btf_id" ["rules_structure.bpf.o unknown_variable"]:
            "an instruction refers to a kernel variable or function that does not exist";
        ExceptionCallback V0618 "exception-callback" "add_subprog_and_kfunc, check_max_stack_depth" ["rules_call.bpf.o thrown_in_callback"]:
            "an exception callback is declared or used wrongly, or an exception thrown where none may be";
        ArenaRequired V0619 "arena-required" "check_alu_op" ["rules_structure.bpf.o no_arena"]:
            "the program converts arena addresses without an arena";
        BtfFormat V0620 "btf-format" "btf_parse":
            "the object's types are not valid BTF";
        SpecialFieldLayout V0621 "special-field-layout" "btf_parse_fields" ["rules_fields.bpf.o refers"]:
            "locks, timers, kptrs, lists or trees lie in a struct or map value where they must not";
        RemovedCallback V0622 "removed-callback" "jit_subprogs" ["dead_callback.bpf.o last"]:
            "a callback that never runs was removed with other dead code, but its address is still loaded";
        ObjectFormat V0630 "object-format" "bpf_object__elf_collect (libbpf)":
            "the file is not an object that libbpf takes";
        ObjectBtf V0631 "object-btf" "bpf_object__init_btf (libbpf)":
            "the object's BTF is missing or damaged, and libbpf needs it";
        MapDefinition V0632 "map-definition" "bpf_object__init_maps (libbpf)":
            "a map is defined in a way that libbpf does not take";
        UnresolvedExtern V0633 "unresolved-extern" "bpf_object__resolve_externs (libbpf)" ["rules_extern.bpf.o asks"]:
            "an extern variable or function is found neither in the kernel nor in its configuration";
        Relocation V0634 "relocation" "bpf_object__collect_relos, bpf_object__relocate_calls (libbpf)" ["rules_structure.bpf.o call_nowhere"]:
            "a reference of the object's code or data leads to nothing that libbpf can fill in";
        CoreRelocation V0635 "core-relocation" "bpf_object__relocate_core (libbpf)" ["core_relocation.bpf.o poisoned"]:
            "a CO-RE relocation cannot be resolved against the kernel's types";
        StructOpsMap V0636 "struct-ops-map" "bpf_map__init_kern_struct_ops (libbpf)" ["rules_struct_ops_map.bpf.o beside"]:
            "a struct_ops map does not fit the kernel's struct";
        SectionName V0637 "section-name" "bpf_object_load_prog (libbpf)" ["rules_structure.bpf.o no_type"]:
            "the section's name says no program type, or nothing uses the program";
        MapContents V0638 "map-contents" "map_update_elem, map_freeze" ["rules_map_contents.bpf.o first"]:
            "a map cannot be filled with what the object says it holds";
        VerifierBug V0699 "verifier-bug" "backtrack_insn, check_kfunc_args and others":
            "the kernel's verifier finds itself in a state that it holds to be impossible";
    }
    Policy {
        GplRequired V0701 "gpl-required" "check_helper_call, check_kfunc_call, check_attach_btf_id" ["rules_licence.bpf.o restricted"]:
            "what is used is for programs with a GPL-compatible licence only";
        HelperForbidden V0702 "helper-forbidden" "check_helper_call" ["rules_call.bpf.o forbidden_helper"]:
            "this kind of program may not call this helper";
        KfuncForbidden V0703 "kfunc-forbidden" "check_kfunc_call" ["kfunc.bpf.o wrong_type"]:
            "this kind of program may not call this kfunc";
        AttachTarget V0704 "attach-target" "bpf_check_attach_target" ["rules_structure.bpf.o no_target"]:
            "what the program is to be attached to does not exist, or is of another kind";
        AttachForbidden V0705 "attach-forbidden" "bpf_check_attach_target" ["rules_structure.bpf.o not_modifiable"]:
            "programs of this kind may not be attached there";
        StructOpsMember V0706 "struct-ops-member" "check_struct_ops_btf_id" ["rules_struct_ops.bpf.o get_info"]:
            "the struct's member cannot be implemented by a program";
        JitRequired V0707 "jit-required" "bpf_jit_supports_kfunc_call":
            "what is used needs a JIT compiler that this machine lacks";
        ProgramLimits V0708 "program-limits" "resolve_pseudo_ldimm64, add_kfunc_call" ["rules_structure.bpf.o two_storages"]:
            "the program uses more maps, or kfuncs, than one program may";
        MapForProgram V0709 "map-for-program" "check_map_prog_compatibility" ["rules_call.bpf.o traced_lock"]:
            "this kind of program may not use this kind of map";
        ProgramAttributes V0710 "program-attributes" "bpf_prog_load, bpf_prog_load_check_attach":
            "type, attach type, name or flags of the program do not go together, or not with this kernel";
        MapAttributes V0711 "map-attributes" "map_create" ["rules_map.bpf.o looks_up"]:
            "sizes, flags or number of elements of the map are not what its type takes";
        InnerMap V0712 "inner-map" "bpf_map_meta_alloc" ["rules_inner_map.bpf.o refers"]:
            "the map cannot be inside a map of maps";
        MapTypes V0713 "map-types" "map_check_btf" ["rules_map_types.bpf.o refers"]:
            "the types that describe a map's key and value do not fit the map";
        LogBuffer V0714 "log-buffer" "bpf_vlog_init, bpf_vlog_finalize":
            "the verifier's log does not fit its buffer, or is asked for at a level that there is not";
        MemoryLock V0715 "memory-lock" "bpf_charge_memlock, __bpf_prog_charge":
            "maps and programs together need more memory than their user may lock";
    }
}
