package fetch

import (
	"fmt"
	"testing"
)

// A catalog may name any number of hosts, all of them in trouble.
func TestRetryBudgetsAreBounded(t *testing.T) {
	b := newRetryBudgets()
	for i := range 3 * mostSpenders {
		if !b.take(fmt.Sprint(i), transientCost, 500) {
			t.Fatal("the first retry of a host was refused")
		}
	}
	if n := len(b.spent); n > mostSpenders {
		t.Errorf("%d hosts remembered", n)
	}
}
