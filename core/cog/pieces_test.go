package cog

import (
	"context"
	"math"
	"reflect"
	"slices"
	"testing"

	"cogweave/core"
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
	if count < 300 {
		t.Errorf("only %d headers", count)
	}
	if kept > whole {
		t.Errorf("%d bytes are kept of headers whose first reads have %d", kept, whole)
	}
}

// scribbled is a file whose memory its owner uses for something else once the header is parsed.
type scribbled struct {
	memory
	given [][]byte
}

func (s *scribbled) ReadRange(ctx context.Context, r core.ByteRange) ([]byte, error) {
	data, err := s.memory.ReadRange(ctx, r)
	data = slices.Clone(data)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.given = append(s.given, data)
	return data, err
}

// TestHeadersKeepNothingOfTheFile: the memory of first reads goes from one header to the next.
func TestHeadersKeepNothingOfTheFile(t *testing.T) {
	for _, name := range append(files(t, "cogs"), files(t, "tiff-nongeo")...) {
		data := mustLoad(t, name)
		want, err := Read(context.Background(), &memory{data: data}, name, Limits{})
		if err != nil {
			continue
		}
		src := &scribbled{memory: memory{data: data}}
		got, err := Read(context.Background(), src, name, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, given := range src.given {
			for i := range given {
				given[i] = 0xAA
			}
		}
		if math.IsNaN(want.NoData.Value) && math.IsNaN(got.NoData.Value) {
			want.NoData.Value, got.NoData.Value = 0, 0
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the header holds memory of the file", name)
		}
	}
}
