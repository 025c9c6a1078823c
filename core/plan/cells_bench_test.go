package plan

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkPointJobs cuts 5,000 scattered points on 20 dates into jobs: what happens before the first request.
func BenchmarkPointJobs(b *testing.B) {
	const points, dates = 5000, 20
	random := rand.New(rand.NewPCG(1, 2))
	var times, rows, cols, bands []int
	for range points {
		row, col := random.IntN(3072), random.IntN(3072)
		for t := range dates {
			times, rows, cols, bands = append(times, t), append(rows, row), append(cols, col), append(bands, 0)
		}
	}
	w := Window{Pointwise: true, Band: Axis{Index: bands}, Time: Axis{Index: times}, Row: Axis{Index: rows}, Col: Axis{Index: cols}}
	b.ReportAllocs()
	for b.Loop() {
		if jobs := w.Jobs(); len(jobs) != dates {
			b.Fatalf("%d jobs", len(jobs))
		}
	}
}
