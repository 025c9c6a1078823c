package decode_test

import (
	"os"
	"syscall"
	"testing"
)

// redirectStderr lets file descriptor 2, which C libraries write to, go to a file until restore is called.
func redirectStderr(t testing.TB, to *os.File) (restore func()) {
	t.Helper()
	saved, err := syscall.Dup(2)
	if err == nil {
		err = syscall.Dup3(int(to.Fd()), 2, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Dup3(saved, 2, 0); err != nil {
			t.Fatal(err)
		}
		_ = syscall.Close(saved)
	}
}
