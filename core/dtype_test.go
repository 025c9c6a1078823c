package core

import (
	"encoding/binary"
	"math"
	"testing"
)

// TestBytesOfTheGreatest64BitIntegers are nodata values that files name and no float64 is: ParseNoData rounds them up.
func TestBytesOfTheGreatest64BitIntegers(t *testing.T) {
	n := ParseNoData("18446744073709551615")
	if got := binary.NativeEndian.Uint64(UInt64.Bytes(n.Value)); got != math.MaxUint64 {
		t.Errorf("uint64: %d", got)
	}
	n = ParseNoData("9223372036854775807")
	if got := int64(binary.NativeEndian.Uint64(Int64.Bytes(n.Value))); got != math.MaxInt64 {
		t.Errorf("int64: %d", got)
	}
	n = ParseNoData("-9223372036854775808")
	if got := int64(binary.NativeEndian.Uint64(Int64.Bytes(n.Value))); got != math.MinInt64 {
		t.Errorf("the least int64: %d", got)
	}
}
