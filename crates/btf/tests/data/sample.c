// The source of sample.btf and sample.btf.ext:
//   clang -target bpf -O2 -g -ffile-prefix-map=$PWD=. -c sample.c -o sample.o
//   llvm-objcopy --dump-section .BTF=sample.btf --dump-section .BTF.ext=sample.btf.ext sample.o /dev/null
#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))

typedef unsigned int u32;
typedef unsigned long long u64;

enum colour { RED = -1, GREEN = 2 };
enum wide { LOW = 1, HIGH = 0x100000000ULL };

struct list {
	struct list *next;
	struct list *prev;
};

struct CORE task___here {
	u64 flags;
	struct list children;
	union {
		u32 pid;
		char raw[4];
	};
	unsigned state : 3;
	int : 2;
	signed prio : 5;
	u32 grid[2][3];
	const char __attribute__((btf_type_tag("user"))) *name;
	struct list __attribute__((btf_type_tag("rcu"))) *parent;
	struct list tail[];
};

struct tagged {
	int plain;
	int marked __attribute__((btf_decl_tag("contains:list:next")));
} __attribute__((btf_decl_tag("whole")));

struct tagged tagged_var SEC(".data.tagged");
enum colour colour_var;
enum wide wide_var;
static volatile int counter;
float ratio;

static __attribute__((noinline)) int helper(struct task___here *task, int index __attribute__((btf_decl_tag("arg:index"))))
{
	return task->grid[1][2] + __builtin_preserve_field_info(task->prio, 0) +
	       __builtin_preserve_type_info(*(struct list *)0, 1) + index + counter;
}

SEC("socket") int prog(struct task___here *task)
{
	return helper(task, (int)task->flags) + task->children.next->prev->next - task->parent +
	       (int)__builtin_preserve_enum_value(*(enum wide *)HIGH, 1);
}
