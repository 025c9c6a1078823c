package main

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"cogweave/core"
	"cogweave/mosaic"
)

// reportText is the report of a read as cw_op_progress tells it: a row for each band of each item that is
// worth telling of.
type reportText struct {
	Rows []outcomeText `json:"rows"`
}

// outcomeText is what became of a band of an item in a time step.
type outcomeText struct {
	Time    int             `json:"time"` // position in the plan's times
	Item    string          `json:"item_id"`
	Band    *string         `json:"band"`   // null: all of them
	Status  string          `json:"status"` // "data", "nodata", "unread", "dropped" (min_valid) or "failed"
	Href    *string         `json:"href"`
	Cached  int             `json:"cached"`          // tiles of the file that came from a cache
	Retries int             `json:"retries"`         // requests to the file that were repeated
	Valid   *float64        `json:"valid,omitempty"` // fraction, of a dropped item
	Error   json.RawMessage `json:"error,omitempty"`
}

var statuses = map[mosaic.State]string{mosaic.Unread: "unread", mosaic.NoData: "nodata", mosaic.Data: "data"}

// newReport writes a report; nil where there is nothing to tell.
func newReport(r *mosaic.Report, files *fileNotes) *reportText {
	if r == nil || len(r.Failures)+len(r.Dropped)+len(r.Outcomes) == 0 {
		return nil
	}
	text := &reportText{Rows: make([]outcomeText, 0, len(r.Failures)+len(r.Dropped)+len(r.Outcomes))}
	for _, f := range r.Failures {
		row := outcomeText{Time: f.Time, Item: f.Item, Band: present(f.Band), Status: "failed", Error: encodeError(f.Err)}
		var e *core.Error
		if errors.As(f.Err, &e) {
			row.Href = present(core.Redact(e.Href))
		}
		text.Rows = append(text.Rows, row)
	}
	for _, d := range r.Dropped {
		text.Rows = append(text.Rows, outcomeText{Time: d.Time, Item: d.Item, Status: "dropped", Valid: &d.Valid})
	}
	for _, o := range r.Outcomes {
		row := outcomeText{Time: o.Time, Item: o.Item, Band: present(o.Band), Status: statuses[o.State], Href: present(core.Redact(o.Href))}
		row.Cached, row.Retries = files.of(o.Href)
		text.Rows = append(text.Rows, row)
	}
	slices.SortStableFunc(text.Rows, func(a, b outcomeText) int { return a.Time - b.Time })
	return text
}

// fileNotes are how the tiles of each file came. nil notes nothing.
type fileNotes struct {
	mu    sync.Mutex
	files map[string]*fileNote
}

type fileNote struct{ cached, retries int }

// note is a fetch.Tally's OnFile.
func (n *fileNotes) note(href string, cached, retries int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.files[href]
	if f == nil {
		f = &fileNote{}
		n.files[href] = f
	}
	f.cached += cached
	f.retries += retries
}

func (n *fileNotes) of(href string) (cached, retries int) {
	if n == nil {
		return 0, 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if f := n.files[href]; f != nil {
		return f.cached, f.retries
	}
	return 0, 0
}
