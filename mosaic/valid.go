package mosaic

import (
	"bytes"

	"cogweave/core/plan"
)

// everyCell is the validity of cells of a block that all have a value.
var everyCell = bytes.Repeat([]byte{1}, side*side)

// tellValid puts the validity of a block's cells in a band where it was asked for, as its pixels go to the output.
func (j *job) tellValid(c *plan.Cells, k int, valid []byte) {
	if j.run.opts.Valid == nil {
		return
	}
	to := j.run.opts.Valid[j.spec.Planes[k]:]
	if c.Rows == nil {
		w := c.Window
		for row := range w.Height {
			copy(to[c.Offset+row*c.Stride:][:w.Width], valid[row*w.Width:])
		}
		return
	}
	for i, place := range c.Places {
		to[place] = valid[i]
	}
}

// tellCombined is tellValid for a block that is combined, in every band.
func (j *job) tellCombined(b *block) {
	if j.run.opts.Valid == nil {
		return
	}
	s := scratches.Get().(*scratch)
	defer s.rest()
	s.valid = grow(&s.valid, b.cells.Count())
	for k, band := range j.spec.Bands {
		if b.joint != nil {
			b.joint.Valid(j.position(band), s.valid)
		} else {
			b.bands[k].Valid(s.valid)
		}
		j.tellValid(b.cells, k, s.valid)
	}
}
