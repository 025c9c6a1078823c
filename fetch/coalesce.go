package fetch

import "cogweave/core"

// leaderGap is the distance of neighbouring tiles in a COG: the trailer of the one, the leader of the
// other, and room for alignment.
const leaderGap = 16

// coalesce cuts ranges of one file, sorted by Start, into runs that are one request each, and returns
// the index after the last range of each run. A range joins the run before it if the gap between is no
// more than CoalesceGap, the run's gaps together no more than CoalesceWaste of its ranges' bytes (gaps
// as between the tiles of a COG apart), and the run no more than CoalesceBytes. The result depends on
// nothing but the ranges and the configuration. Overlapping ranges never join.
func coalesce(ranges []core.ByteRange, cfg Config) []int {
	var ends []int
	var useful, wasted int64
	for i, r := range ranges {
		if i == 0 {
			useful, wasted = r.Len(), 0
			continue
		}
		gap := r.Start - ranges[i-1].End
		total := useful + wasted + gap + r.Len()
		cheap := gap <= leaderGap || float64(wasted+gap) <= cfg.CoalesceWaste*float64(useful+r.Len())
		if gap < 0 || gap > cfg.CoalesceGap || !cheap || total > cfg.CoalesceBytes {
			ends = append(ends, i)
			useful, wasted = r.Len(), 0
			continue
		}
		useful, wasted = useful+r.Len(), wasted+gap
	}
	return append(ends, len(ranges))
}
