package main

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// physicalMemory is the memory that this process can have at most, in bytes: the machine's, or less
// where a control group says so. 0 if it cannot be told.
var physicalMemory = sync.OnceValue(func() int64 {
	var info unix.Sysinfo_t
	limit := int64(math.MaxInt64)
	if unix.Sysinfo(&info) == nil {
		limit = int64(info.Totalram) * int64(info.Unit)
	}
	groups, _ := os.ReadFile("/proc/self/cgroup") // without it the machine's memory is the limit
	for _, path := range groupLimits(string(groups)) {
		if text, err := os.ReadFile(path); err == nil {
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil && n > 0 {
				limit = min(limit, n)
			}
		}
	}
	if limit == math.MaxInt64 {
		return 0
	}
	return limit
})

// groupLimits lists the files that limit the memory of a process, given its /proc/self/cgroup; inside
// a container the group's own path is often not visible, and the root's file holds the limit.
func groupLimits(groups string) []string {
	paths := []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[0] == "0" && parts[1] == "":
			paths = append(paths, "/sys/fs/cgroup"+parts[2]+"/memory.max")
		case strings.Contains(","+parts[1]+",", ",memory,"):
			paths = append(paths, "/sys/fs/cgroup/memory"+parts[2]+"/memory.limit_in_bytes")
		}
	}
	return paths
}

// processThreads is the number of threads of the process, Python's included.
func processThreads() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "\nThreads:")
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.Atoi(strings.TrimSpace(line)) // the kernel's number; 0 where it is missing
	return n
}
