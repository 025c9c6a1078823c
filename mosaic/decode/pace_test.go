package decode_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/mosaic/decode"
)

// noise is a band with the differences of a sensor's noise, as predictor 2 leaves them: ISA-L inflates it faster.
func noise(side int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var plane []byte
	for range side * side {
		plane = binary.LittleEndian.AppendUint16(plane, uint16(rng.IntN(60)-rng.IntN(60)))
	}
	return plane
}

// TestChoiceOfLibraryShowsInTimeOnly inflates tiles of a level until both libraries have had their turn: sound and
// unsound streams give the same pixels or the same error each time.
func TestChoiceOfLibraryShowsInTimeOnly(t *testing.T) {
	const side = 256
	plane := noise(side)
	sound := deflated(plane)
	level := bytesLevel(side, cog.Deflate)
	level.Bits = []int{16}
	for name, data := range map[string][]byte{
		"sound":            sound,
		"more behind it":   append(bytes.Clone(sound), 1, 2, 3, 4, 5),
		"without checksum": sound[:len(sound)-4],
		"cut":              sound[:len(sound)/2],
		"wrong checksum":   append(bytes.Clone(sound[:len(sound)-1]), sound[len(sound)-1]^1),
		"too long":         deflated(append(bytes.Clone(plane), 1)),
		"too short":        deflated(plane[:len(plane)-1]),
		"a bit changed":    flipped(sound, len(sound)/3),
	} {
		first := ""
		for n := range 80 {
			good := newJob(&cog.Header{}, level, 0, side, sound)
			if err := decode.Tile(context.Background(), good); err != nil || !bytes.Equal(good.Dst[0], plane) {
				t.Fatalf("tile %d: wrong pixels, or %v", n, err)
			}
			job := newJob(&cog.Header{}, level, 0, side, data)
			said := "sound"
			if err := decode.Tile(context.Background(), job); err != nil {
				if core.ClassOf(err) != core.DecodeError {
					t.Fatalf("%s: %v", name, err)
				}
				said = err.Error()
			} else if !bytes.Equal(job.Dst[0], plane) {
				t.Fatalf("%s: wrong pixels in tile %d", name, n)
			}
			if n == 0 {
				first = said
			}
			if said != first {
				t.Fatalf("%s: tile 0 is %q, tile %d %q", name, first, n, said)
			}
		}
	}
}

func flipped(data []byte, at int) []byte {
	changed := bytes.Clone(data)
	changed[at] ^= 16
	return changed
}
