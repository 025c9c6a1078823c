package combine

import (
	"syscall"
	"time"
)

// cpu is the processor time that the process took so far: rates are given by it, so that a busy machine
// does not change them.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
