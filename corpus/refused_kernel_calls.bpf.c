// SPDX-License-Identifier: GPL-2.0-only
/* A program names no more than 256 functions of the kernel. Any will do, as they are counted before it is looked at whether
 * they may be called: these are in all kernels.
 */
#include "corpus.h"

struct pt_regs { unsigned long r15; };

#define ALL(WHAT) \
	WHAT(accept) WHAT(accept4) WHAT(access) WHAT(acct) WHAT(add_key) WHAT(adjtimex) WHAT(adjtimex_time32) \
	WHAT(alarm) WHAT(arch_prctl) WHAT(bind) WHAT(bpf) WHAT(brk) WHAT(capget) WHAT(capset) WHAT(chdir) \
	WHAT(chmod) WHAT(chown) WHAT(chown16) WHAT(chroot) WHAT(clock_adjtime) WHAT(clock_adjtime32) \
	WHAT(clock_getres) WHAT(clock_getres_time32) WHAT(clock_gettime) WHAT(clock_gettime32) WHAT(clock_nanosleep) \
	WHAT(clock_nanosleep_time32) WHAT(clock_settime) WHAT(clock_settime32) WHAT(clone) WHAT(clone3) WHAT(close) \
	WHAT(close_range) WHAT(connect) WHAT(copy_file_range) WHAT(creat) WHAT(delete_module) WHAT(dup) WHAT(dup2) \
	WHAT(dup3) WHAT(epoll_create) WHAT(epoll_create1) WHAT(epoll_ctl) WHAT(epoll_pwait) WHAT(epoll_pwait2) \
	WHAT(epoll_wait) WHAT(eventfd) WHAT(eventfd2) WHAT(execve) WHAT(execveat) WHAT(exit) WHAT(exit_group) \
	WHAT(faccessat) WHAT(faccessat2) WHAT(fadvise64) WHAT(fadvise64_64) WHAT(fallocate) WHAT(fanotify_init) \
	WHAT(fanotify_mark) WHAT(fchdir) WHAT(fchmod) WHAT(fchmodat) WHAT(fchown) WHAT(fchown16) WHAT(fchownat) \
	WHAT(fcntl) WHAT(fdatasync) WHAT(fgetxattr) WHAT(finit_module) WHAT(flistxattr) WHAT(flock) \
	WHAT(fremovexattr) WHAT(fsconfig) WHAT(fsetxattr) WHAT(fsmount) WHAT(fsopen) WHAT(fspick) WHAT(fstat) \
	WHAT(fstatfs) WHAT(fstatfs64) WHAT(fsync) WHAT(ftruncate) WHAT(futex) WHAT(futex_time32) WHAT(futex_waitv) \
	WHAT(futimesat) WHAT(futimesat_time32) WHAT(get_mempolicy) WHAT(get_robust_list) WHAT(get_thread_area) \
	WHAT(getcpu) WHAT(getcwd) WHAT(getdents) WHAT(getdents64) WHAT(getegid16) WHAT(geteuid16) WHAT(getgid16) \
	WHAT(getgroups) WHAT(getgroups16) WHAT(gethostname) WHAT(getitimer) WHAT(getpeername) WHAT(getpgid) \
	WHAT(getpriority) WHAT(getrandom) WHAT(getresgid) WHAT(getresgid16) WHAT(getresuid) WHAT(getresuid16) \
	WHAT(getrlimit) WHAT(getrusage) WHAT(getsid) WHAT(getsockname) WHAT(getsockopt) WHAT(gettimeofday) \
	WHAT(getuid16) WHAT(getxattr) WHAT(ia32_fadvise64) WHAT(ia32_fadvise64_64) WHAT(ia32_fallocate) \
	WHAT(ia32_ftruncate64) WHAT(ia32_pread64) WHAT(ia32_pwrite64) WHAT(ia32_readahead) \
	WHAT(ia32_sync_file_range) WHAT(ia32_truncate64) WHAT(init_module) WHAT(inotify_add_watch) \
	WHAT(inotify_init) WHAT(inotify_init1) WHAT(inotify_rm_watch) WHAT(io_cancel) WHAT(io_destroy) \
	WHAT(io_getevents) WHAT(io_getevents_time32) WHAT(io_pgetevents) WHAT(io_pgetevents_time32) WHAT(io_setup) \
	WHAT(io_submit) WHAT(io_uring_enter) WHAT(io_uring_register) WHAT(io_uring_setup) WHAT(ioctl) WHAT(ioperm) \
	WHAT(iopl) WHAT(ioprio_get) WHAT(ioprio_set) WHAT(ipc) WHAT(kcmp) WHAT(kexec_file_load) WHAT(kexec_load) \
	WHAT(keyctl) WHAT(kill) WHAT(landlock_add_rule) WHAT(landlock_create_ruleset) WHAT(landlock_restrict_self) \
	WHAT(lchown) WHAT(lchown16) WHAT(lgetxattr) WHAT(link) WHAT(linkat) WHAT(listen) WHAT(listxattr) \
	WHAT(llistxattr) WHAT(llseek) WHAT(lremovexattr) WHAT(lseek) WHAT(lsetxattr) WHAT(lstat) WHAT(madvise) \
	WHAT(mbind) WHAT(membarrier) WHAT(memfd_create) WHAT(memfd_secret) WHAT(migrate_pages) WHAT(mincore) \
	WHAT(mkdir) WHAT(mkdirat) WHAT(mknod) WHAT(mknodat) WHAT(mlock) WHAT(mlock2) WHAT(mlockall) WHAT(mmap) \
	WHAT(mmap_pgoff) WHAT(modify_ldt) WHAT(mount) WHAT(mount_setattr) WHAT(move_mount) WHAT(move_pages) \
	WHAT(mprotect) WHAT(mq_getsetattr) WHAT(mq_notify) WHAT(mq_open) WHAT(mq_timedreceive) \
	WHAT(mq_timedreceive_time32) WHAT(mq_timedsend) WHAT(mq_timedsend_time32) WHAT(mq_unlink) WHAT(mremap) \
	WHAT(msgctl) WHAT(msgget) WHAT(msgrcv) WHAT(msgsnd) WHAT(msync) WHAT(munlock) WHAT(munlockall) WHAT(munmap) \
	WHAT(name_to_handle_at) WHAT(nanosleep) WHAT(nanosleep_time32) WHAT(newfstat) WHAT(newfstatat) \
	WHAT(newlstat) WHAT(newstat) WHAT(newuname) WHAT(nice) WHAT(old_getrlimit) WHAT(old_msgctl) \
	WHAT(old_readdir) WHAT(old_semctl) WHAT(old_shmctl) WHAT(oldumount) WHAT(olduname) WHAT(open) \
	WHAT(open_by_handle_at) WHAT(open_tree) WHAT(openat) WHAT(openat2) WHAT(pciconfig_iobase) \
	WHAT(pciconfig_read) WHAT(pciconfig_write) WHAT(perf_event_open) WHAT(personality) WHAT(pidfd_getfd) \
	WHAT(pidfd_open) WHAT(pidfd_send_signal) WHAT(pipe) WHAT(pipe2) WHAT(pivot_root) WHAT(pkey_alloc) \
	WHAT(pkey_free) WHAT(pkey_mprotect) WHAT(poll) WHAT(ppoll) WHAT(ppoll_time32) WHAT(prctl) WHAT(pread64) \
	WHAT(preadv) WHAT(preadv2) WHAT(prlimit64) WHAT(process_madvise) WHAT(process_mrelease) \
	WHAT(process_vm_readv) WHAT(process_vm_writev) WHAT(pselect6) WHAT(pselect6_time32)

#define DECLARED(name) KFUNC long __x64_sys_##name(const struct pt_regs *regs);
#define CALLED(name) __x64_sys_##name(ctx);

ALL(DECLARED)

SEC("tc")
int many_kernel_functions(void *ctx)
{
	ALL(CALLED)
	return 0;
}
