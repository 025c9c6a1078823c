package mosaic

import (
	"bytes"
	"sync/atomic"

	"cogweave/core"
)

// Report says what a run met.
type Report struct {
	Items    int   // items that touched the window
	Tiles    int   // tiles read
	Bytes    int64 // compressed
	Failures []Failure
	Dropped  []Dropped // items of which too little is valid (min_valid)
	Outcomes []Outcome // of every band of every item that touched the window and did not fail, if Options.Outcomes
}

// Dropped is an item that min_valid left out, and its valid fraction.
type Dropped struct {
	Time  int // position in Plan.Steps
	Item  string
	Valid float64
}

// Failure is an item that could not be read: absent from the pixels if the plan ignores errors, else one
// whose pixels turned out not to be needed.
type Failure struct {
	Time int // position in Plan.Steps
	Item string
	Band string // "" where the whole item failed
	Err  error
}

// Outcome is what a band of an item gave to the window.
type Outcome struct {
	Time  int // position in Plan.Steps
	Item  string
	Band  string
	Href  string // as the catalog has it
	State State
}

// State is how far a source was used.
type State uint32

// The states, each more than the one before.
const (
	Unread State = iota // its pixels were not needed: others had filled the window's cells
	NoData              // read, and not one valid pixel in the window
	Data                // gave valid pixels
)

// note keeps the error of an item once for each band.
func (r *run) note(time, item int, err error) {
	f := Failure{Time: time, Item: r.plan.Items[item].ID, Err: err}
	if e, ok := err.(*core.Error); ok {
		f.Band = e.Band
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.report.Failures {
		if known.Time == f.Time && known.Item == f.Item && known.Band == f.Band {
			return
		}
	}
	r.report.Failures = append(r.report.Failures, f)
}

// outcomes are the states of a job's sources, item by item.
type outcomes []atomic.Uint32

func newOutcomes(j *job) outcomes {
	if !j.run.opts.Outcomes {
		return nil
	}
	return make(outcomes, len(j.step.items)*len(j.bands))
}

// saw notes that an item's band was resampled for a block, with the validity of its pixels; nil where the item
// has no such band.
func (j *job) saw(item, k int, valid []byte) {
	if j.states == nil || valid == nil {
		return
	}
	state := &j.states[item*len(j.bands)+k]
	if State(state.Load()) == Data {
		return
	}
	if bytes.Count(valid, []byte{0}) < len(valid) {
		state.Store(uint32(Data))
	} else {
		state.CompareAndSwap(uint32(Unread), uint32(NoData))
	}
}

// told puts a finished job's outcomes into the report.
func (r *run) told(j *job) {
	if j.states == nil {
		return
	}
	var list []Outcome
	for i, item := range j.step.items {
		if item.Err != nil || j.absent[item.Item] {
			continue
		}
		for k, band := range j.bands {
			if s := item.Sources[j.step.band(band)]; s != nil {
				list = append(list, Outcome{Time: j.spec.Time, Item: r.plan.Items[item.Item].ID, Band: r.plan.Bands[band].Name,
					Href: s.Asset.Href, State: State(j.states[i*len(j.bands)+k].Load())})
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Outcomes = append(r.report.Outcomes, list...)
}
