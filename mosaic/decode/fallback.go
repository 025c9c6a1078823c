package decode

import (
	"context"

	"cogweave/mosaic/gdal"
)

// decodeByGDAL hands the tile to GDAL as a file of one tile.
func (job *Job) decodeByGDAL(ctx context.Context, l *layout) error {
	samples := job.Samples
	if job.Level.Planar {
		samples = []int{0}
	}
	return gdal.DecodeTile(ctx, gdal.Tile{
		Header: job.Header, Level: job.Level, Index: job.Index, Height: l.tileRows,
		Data: job.Data, Rows: job.Rows, Samples: samples, Dst: job.Dst,
	})
}
