package cog

import (
	"context"
	"math"
	"reflect"
	"testing"
)

// TestReplay parses every file of the corpus again from the pieces alone.
func TestReplay(t *testing.T) {
	count, kept, whole := 0, 0, 0
	for _, name := range append(append(files(t, "cogs"), files(t, "cogs-malformed")...), files(t, "tiff-nongeo")...) {
		data := mustLoad(t, name)
		want, pieces, err := ReadPieces(context.Background(), &memory{data: data}, name, Limits{})
		if err != nil {
			continue
		}
		count++
		for _, p := range pieces {
			kept += len(p.Data)
		}
		whole += min(len(data), firstRead)
		got, err := Read(context.Background(), &Replay{Pieces: pieces, Length: int64(len(data))}, name, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if math.IsNaN(want.NoData.Value) && math.IsNaN(got.NoData.Value) {
			want.NoData.Value, got.NoData.Value = 0, 0
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
	t.Logf("%d headers: %d bytes each", count, kept/max(count, 1))
	if kept > whole {
		t.Errorf("%d bytes are kept of headers whose first reads have %d", kept, whole)
	}
}
