// SPDX-License-Identifier: GPL-2.0-only
/* limited KIB COMMAND…: runs a command with a limit to locked memory that not even root can raise in it. */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	rlim_t bytes = argc > 2 ? strtoul(argv[1], NULL, 10) * 1024 : 0;
	struct rlimit limit = { bytes, bytes };

	if (argc < 3 || setrlimit(RLIMIT_MEMLOCK, &limit) || prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE)) {
		perror("limited");
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
