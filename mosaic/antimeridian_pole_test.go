package mosaic

import (
	"encoding/binary"
	"math"
	"testing"

	"cogweave/core"
	"cogweave/core/plan"
	"cogweave/mosaic/warp"
)

// TestSumAtAPole adds ones up over cells of a polar grid: one around the pole, and one with a corner at it, whatever
// longitude that is given.
func TestSumAtAPole(t *testing.T) {
	const width, height = 360, 10
	var pix []byte
	for range width * height {
		pix = binary.NativeEndian.AppendUint32(pix, math.Float32bits(1))
	}
	view := warp.View{Pix: pix, Type: core.Float32, Stride: width, Window: core.Window{Height: height, Width: width}, LevelWidth: width, LevelHeight: 180}
	sn := &sourceNeed{source: &plan.Source{Kernel: core.Sum,
		Placement: &plan.Placement{Longitudes: plan.Longitudes{Turn: 360, Poles: [2]float64{0, 180}}, Width: width, Height: 180}}}
	root := math.Sqrt2
	for _, cell := range []struct {
		x, y []float64 // above left and right, below left and right
		want float64
	}{
		{[]float64{45, 135, 315, 225}, []float64{2, 2, 2, 2}, 720},
		{[]float64{200, 90, 0, 45}, []float64{0, 1, 1, root}, 45 * (1 + root)},
		{[]float64{7, 40, 310, 355}, []float64{0, 1, 1, root}, 45 * (1 + root)}, // across the antimeridian
	} {
		s := &scratch{xs: cell.x, ys: cell.y}
		value, valid := make([]byte, 4), []byte{0}
		s.acrossAntimeridian(sn, 1, 1, &view, value, valid)
		if got := float64(core.Float32.Value(value)); valid[0] != 1 || math.Abs(got-cell.want) > 1e-3 {
			t.Errorf("corners %v: %v (%d), want %v", cell.x, got, valid[0], cell.want)
		}
	}
}
