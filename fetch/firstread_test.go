package fetch_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"cogweave/core"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

// longHeader is a TIFF whose tile arrays end near byte `end`.
func longHeader(end int) []byte {
	const entries = 8
	tiles := uint32((end - 8 - 2 - entries*12 - 4) / 8)
	at := uint32(8 + 2 + entries*12 + 4)
	le := binary.LittleEndian
	b := append([]byte("II*\x00"), 8, 0, 0, 0)
	b = le.AppendUint16(b, entries)
	for _, e := range [][3]uint32{
		{256, 1, 16 * tiles}, {257, 1, 16}, {258, 1, 8}, {259, 1, 1}, {322, 1, 16}, {323, 1, 16}, {324, tiles, at}, {325, tiles, at + 4*tiles},
	} {
		b = le.AppendUint16(b, uint16(e[0]))
		b = le.AppendUint16(b, 4)
		b = le.AppendUint32(le.AppendUint32(b, e[1]), e[2])
	}
	b = le.AppendUint32(b, 0)
	for i := range tiles {
		b = le.AppendUint32(b, uint32(end)+256*i)
	}
	for range tiles {
		b = le.AppendUint32(b, 256)
	}
	return append(b, make([]byte, uint32(end)+256*tiles-uint32(len(b)))...)
}

// Files made alike need two requests once, then one.
func TestFirstReadLearns(t *testing.T) {
	server := fetchtest.NewServer(t)
	data := longHeader(100 << 10)
	c := newClient(t, fetch.Config{HeaderBytes: 16 << 10})
	for i := range 5 {
		url := server.Put(fmt.Sprintf("/2025/%d/B%d.tif", i, i), fetchtest.Object{Data: data, ETag: `"v1"`})
		if _, err := c.Header(context.Background(), url); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(server.Requests()); n < 6 || n > 7 {
		t.Errorf("%d requests for 5 headers made alike: %v", n, server.Requests())
	}
	before := len(server.Requests())
	small := server.Put("/small.tif", fetchtest.Object{Data: longHeader(4 << 10), ETag: `"v1"`})
	if _, err := c.Header(context.Background(), small); err != nil {
		t.Fatal(err)
	}
	if got := server.Requests()[before:]; len(got) != 1 || got[0].Range.End != 16<<10 {
		t.Errorf("a file of another kind: %v", got)
	}
}

// A file that is begun while the second read of another like it is under way is read by one request.
func TestFirstReadGuesses(t *testing.T) {
	server := fetchtest.NewServer(t)
	data := longHeader(100 << 10)
	c := newClient(t, fetch.Config{HeaderBytes: 16 << 10})
	urls := make([]string, 2)
	for i := range urls {
		urls[i] = server.Put(fmt.Sprintf("/%d/B%d.tif", i, i), fetchtest.Object{Data: data, ETag: `"v1"`})
	}
	going, first := make(chan struct{}), make(chan error)
	server.Script("/0/B0.tif", fetchtest.Serve, fetchtest.Until(going, fetchtest.Serve))
	core.Go(func() {
		_, err := c.Header(context.Background(), urls[0])
		first <- err
	}, nil)
	wait(t, "the second read of the first file", func() bool { return len(server.Requests()) == 2 })
	if _, err := c.Header(context.Background(), urls[1]); err != nil {
		t.Error(err)
	}
	close(going)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := server.Ranges("/1/B1.tif"); len(got) != 1 || got[0].End < 100<<10 {
		t.Errorf("the second file: %v", got)
	}
}
