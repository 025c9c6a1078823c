package decode

// #include "unpack.h"
import "C"

import "cogweave/core/cog"

// unpackComplex writes the planes of complex samples: each is a real and an imaginary part that stand side by side,
// and is unpacked as two samples.
func (job *Job) unpackComplex(c *C.cw_layout, rows, row *C.uint8_t) {
	c.samples, c.bits, c.kind = 2*c.samples, c.bits/2, C.CW_FLOAT
	c.size = c.bits / 8
	if job.Level.Format == cog.ComplexInt {
		c.kind = C.CW_SIGNED
	}
	n := int(c.width) * int(c.rows)
	parts := make([]byte, 2*n*int(c.size))
	re, im := parts[:n*int(c.size)], parts[n*int(c.size):]
	for k, sample := range job.Samples {
		if job.Level.Planar {
			sample = 0
		}
		C.cw_unpack(c, rows, C.int(2*sample), pointer(re), row)
		C.cw_unpack(c, rows, C.int(2*sample+1), pointer(im), row)
		C.cw_pair(c, pointer(re), pointer(im), pointer(job.Dst[k]), C.int64_t(n))
	}
}
