package main

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// stripRows is how many rows of an output are resampled by one task.
const stripRows = 64

// reader carries out a job: requests in goroutines, tasks (a tile to decode, a strip to resample)
// on one worker for each core.
type reader struct {
	job      *job
	client   *http.Client
	tasks    chan func(*decoder)
	open     sync.WaitGroup // tasks and requests that are not done
	asked    sync.WaitGroup // requests that are not done
	began    time.Time
	cpu      float64 // of the process, before
	buffers  sync.Pool
	outputs  []*output
	requests atomic.Int64
	bytes    atomic.Int64
	failed   atomic.Pointer[error]
}

// output is a window's array, and the pixels of its tiles where they are resampled.
type output struct {
	pixels []uint16
	source []uint16 // bounding box of the tiles; nil for "copy", which needs none
	row    int      // of the source's first pixel in the level
	col    int
	cols   int
	left   atomic.Int64 // tiles that are not decoded
}

func newReader(j *job) *reader {
	transport := &http.Transport{
		MaxIdleConnsPerHost: j.InFlight, MaxConnsPerHost: j.InFlight,
		ReadBufferSize: 64 << 10, DisableCompression: true,
	}
	// Tasks never wait for each other: the channel holds all of them.
	count := 0
	for _, w := range j.Windows {
		count += len(w.Tiles) + w.Height/stripRows + 1
	}
	return &reader{job: j, client: &http.Client{Transport: transport}, tasks: make(chan func(*decoder), count)}
}

// start starts the clock.
func (r *reader) start() { r.cpu, r.began = processorSeconds(), time.Now() }

// work starts a worker for each core.
func (r *reader) work() {
	for range runtime.NumCPU() {
		go func() {
			d := newDecoder()
			for task := range r.tasks {
				task(d)
				r.open.Done()
			}
		}()
	}
}

func (r *reader) read() error {
	if !r.job.Held {
		r.work()
	}
	slots := make(chan struct{}, r.job.InFlight)
	headers := map[string]func(){} // asks for a file's, once
	for _, w := range r.job.Windows {
		out := newOutput(w)
		r.outputs = append(r.outputs, out)
		parts := merge(w.Tiles, r.job.Gap)
		for _, tiles := range parts {
			r.open.Add(1 + len(tiles))
			r.asked.Add(1)
		}
		if r.job.Header == 0 {
			r.ask(w, out, parts, slots)
			continue
		}
		header := headers[w.URL]
		if header == nil {
			header = sync.OnceFunc(func() { r.header(w.URL, slots) })
			headers[w.URL] = header
		}
		r.open.Add(1)
		go func() {
			defer r.open.Done()
			header()
			r.ask(w, out, parts, slots)
		}()
	}
	if r.job.Held {
		r.asked.Wait()
		r.start()
		r.work()
	}
	r.open.Wait()
	if err := r.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// ask sends a window's requests, as slots become free.
func (r *reader) ask(w *window, out *output, parts [][]tile, slots chan struct{}) {
	for _, tiles := range parts {
		slots <- struct{}{}
		go func() {
			defer r.open.Done()
			defer r.asked.Done()
			err := r.request(w, out, tiles)
			<-slots
			if err != nil {
				r.failed.Store(&err)
			}
		}()
	}
}

// merge joins neighbours in the file into one request each.
func merge(tiles []tile, gap int64) [][]tile {
	var merged [][]tile
	for i, t := range tiles {
		if i > 0 {
			before := tiles[i-1]
			if space := t.Offset - before.Offset - before.Length; gap >= 0 && space >= 0 && space <= gap {
				merged[len(merged)-1] = append(merged[len(merged)-1], t)
				continue
			}
		}
		merged = append(merged, []tile{t})
	}
	return merged
}

// request reads a range and hands on each tile as soon as it is there.
func (r *reader) request(w *window, out *output, tiles []tile) (err error) {
	handed := 0
	defer func() {
		for range tiles[handed:] { // an error: nobody will decode these
			r.open.Done()
		}
	}()
	last := tiles[len(tiles)-1]
	req, err := http.NewRequest(http.MethodGet, w.URL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", tiles[0].Offset, last.Offset+last.Length-1))
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return fmt.Errorf("%s: status %d", w.URL, resp.StatusCode)
	}
	r.requests.Add(1)
	r.bytes.Add(last.Offset + last.Length - tiles[0].Offset)
	at := tiles[0].Offset
	for _, t := range tiles {
		if _, err := io.CopyN(io.Discard, resp.Body, t.Offset-at); err != nil {
			return err
		}
		data := r.buffer(t.Length)
		if _, err := io.ReadFull(resp.Body, data); err != nil {
			return err
		}
		at = t.Offset + t.Length
		handed++
		r.tasks <- func(d *decoder) { r.decode(d, w, out, t, data) }
	}
	return nil
}

func (r *reader) buffer(length int64) []byte {
	if kept, ok := r.buffers.Get().(*[]byte); ok && int64(cap(*kept)) >= length {
		return (*kept)[:length]
	}
	return make([]byte, length, length+length/4)
}

// decode writes a tile into the output or the source; the last one lets the resampling begin.
func (r *reader) decode(d *decoder, w *window, out *output, t tile, data []byte) {
	if err := d.inflate(data, t.Rows*w.Side*w.Bytes, w.Side*w.Side*w.Bytes); err != nil {
		err = fmt.Errorf("%s: tile at %d: %w", w.URL, t.Offset, err)
		r.failed.Store(&err)
		return
	}
	r.buffers.Put(&data)
	switch w.Kernel {
	case "none":
		d.sum(w.Side, t.Rows, w.Bytes)
	case "copy":
		d.copy(w, t, out.pixels, w.Row, w.Col, w.Height, w.Width, w.Width)
	default:
		height := len(out.source) / out.cols
		d.copy(w, t, out.source, out.row, out.col, height, out.cols, out.cols)
		if out.left.Add(-1) == 0 {
			for first := 0; first < w.Height; first += stripRows {
				r.open.Add(1)
				r.tasks <- func(*decoder) {
					warp(w, &r.job.Lattices[w.Lattice], out, first, min(first+stripRows, w.Height))
				}
			}
		}
	}
}

func newOutput(w *window) *output {
	out := &output{pixels: make([]uint16, w.Height*w.Width)}
	out.left.Store(int64(len(w.Tiles)))
	if w.Kernel == "none" || w.Kernel == "copy" || len(w.Tiles) == 0 {
		return out
	}
	out.row, out.col = w.Tiles[0].Row, w.Tiles[0].Col
	bottom, right := 0, 0
	for _, t := range w.Tiles {
		out.row, out.col = min(out.row, t.Row), min(out.col, t.Col)
		bottom, right = max(bottom, t.Row+w.Side), max(right, t.Col+w.Side)
	}
	out.cols = right - out.col
	out.source = make([]uint16, (bottom-out.row)*out.cols)
	return out
}

// sum adds all output pixels, for the comparison with the tools.
func (r *reader) sum() int64 {
	total := int64(0)
	for _, out := range r.outputs {
		for _, pixel := range out.pixels {
			total += int64(pixel)
		}
	}
	return total
}
