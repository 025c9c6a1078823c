package gdal

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	buf "bytes"

	"github.com/airbusgeo/godal"

	"cogweave/core"
	"cogweave/core/cog"
)

// grey is a JPEG of side x side pixels by an encoder other than libjpeg, all of one value.
func grey(t testing.TB, side int, value byte) []byte {
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = value
	}
	var b buf.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func greyTile(side int, data []byte) Tile {
	level := &cog.Level{Width: side, Height: side, TileWidth: side, TileHeight: side, Tiled: true, Samples: 1, Bits: []int{8},
		Format: cog.Unsigned, Compression: cog.JPEG, Predictor: 1, Photometric: 1}
	return Tile{Header: &cog.Header{Href: "a.tif"}, Level: level, Index: 3, Height: side, Data: data, Rows: side,
		Samples: []int{0}, Dst: [][]byte{make([]byte, side*side)}}
}

// TestDecodeTile decodes in both byte orders, wholly and in part.
func TestDecodeTile(t *testing.T) {
	for _, bigEndian := range []bool{false, true} {
		for _, rows := range []int{1, 20, 48} {
			tile := greyTile(48, grey(t, 48, 77))
			tile.Header.BigEndian, tile.Rows = bigEndian, rows
			if err := DecodeTile(context.Background(), tile); err != nil {
				t.Fatal(err)
			}
			for i, v := range tile.Dst[0] {
				if want := byte(77); i < rows*48 && v != want || i >= rows*48 && v != 0 {
					t.Fatalf("big-endian %v, %d rows: pixel %d is %d", bigEndian, rows, i, v)
				}
			}
		}
	}
}

// TestNothingStays looks for the files of decodes that went well, and of those that failed.
func TestNothingStays(t *testing.T) {
	before := counter.Load()
	good := grey(t, 32, 9)
	for _, data := range [][]byte{good, good[:len(good)/2], good[:len(good)-1]} {
		_ = DecodeTile(context.Background(), greyTile(32, data))
	}
	after := counter.Load()
	if after == before {
		t.Fatal("no decode made a file")
	}
	for n := before + 1; n <= after; n++ {
		if f, err := godal.VSIOpen(fmt.Sprintf("%s%d.tif", directory, n)); err == nil {
			_ = f.Close()
			t.Errorf("file %d is still there", n)
		}
	}
	file, err := newMemoryFile([]byte("head"), []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := godal.VSIOpen(file.name)
	if err != nil {
		t.Fatalf("the test could not have seen a file: %v", err)
	}
	_ = f.Close()
	file.remove()
}

// TestWaitsForItsTurn fills all slots: a decode then waits, until its context ends.
func TestWaitsForItsTurn(t *testing.T) {
	for range cap(slots()) {
		slots() <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := DecodeTile(ctx, greyTile(32, grey(t, 32, 9)))
	for range cap(slots()) {
		<-slots()
	}
	if core.ClassOf(err) != core.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := DecodeTile(context.Background(), greyTile(32, grey(t, 32, 9))); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestOnlyGTiff offers GDAL files of other formats by the name of a tile: it must not even try.
func TestOnlyGTiff(t *testing.T) {
	if err := Init(); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{
		`<VRTDataset rasterXSize="1" rasterYSize="1"/>`, "P5 1 1 255 x", "MEM:::DATAPOINTER=0,PIXELS=1,LINES=1",
	} {
		file, err := newMemoryFile([]byte(content), nil)
		if err != nil {
			t.Fatal(err)
		}
		tile := greyTile(1, []byte{1})
		if err := tile.read(file.name); err == nil || core.ClassOf(err) != core.DecodeError {
			t.Errorf("%q: %v", content, err)
		} else if strings.Contains(err.Error(), "vsimem") {
			t.Errorf("the error tells our file's name: %v", err)
		}
		file.remove()
	}
}

// TestMissingCodec asks for a codec that libtiff never had.
func TestMissingCodec(t *testing.T) {
	tile := greyTile(32, grey(t, 32, 9))
	tile.Level.Compression = cog.JPEG2000
	var e *core.Error
	if err := DecodeTile(context.Background(), tile); !errors.As(err, &e) || e.Reason != "TiffUnsupported" {
		t.Errorf("got %v", err)
	}
}

// TestRefusedBeforeGDAL gives tiles that must not reach GDAL at all.
func TestRefusedBeforeGDAL(t *testing.T) {
	for name, change := range map[string]func(*Tile){
		"huge": func(t *Tile) {
			t.Level.TileWidth, t.Level.TileHeight, t.Height, t.Rows = 1<<16, 1<<16, 1<<16, 1
		},
		"deep":    func(t *Tile) { t.Level.Bits = []int{16} },
		"unknown": func(t *Tile) { t.Level.Compression = 34676 },
		"size":    func(t *Tile) { t.Level.TileWidth = 64 },
		"empty":   func(t *Tile) { t.Data = nil },
		"rows":    func(t *Tile) { t.Rows = 99 },
	} {
		before := counter.Load()
		tile := greyTile(32, grey(t, 32, 9))
		change(&tile)
		if err := DecodeTile(context.Background(), tile); core.ClassOf(err) != core.DecodeError {
			t.Errorf("%s: %v", name, err)
		}
		if counter.Load() != before {
			t.Errorf("%s: a file was made", name)
		}
	}
}

// TestImageSizes reads the headers of images as encoders write them.
func TestImageSizes(t *testing.T) {
	var colour buf.Buffer
	img := image.NewYCbCr(image.Rect(0, 0, 70, 50), image.YCbCrSubsampleRatio420)
	if err := jpeg.Encode(&colour, img, nil); err != nil {
		t.Fatal(err)
	}
	lossy := "RIFF\x20\x00\x00\x00WEBPVP8 \x14\x00\x00\x00\x10\x00\x00\x9d\x01\x2a\x46\x00\x32\x00\x00\x00"
	lossless := "RIFF\x20\x00\x00\x00WEBPVP8L\x14\x00\x00\x00\x2f\x45\x40\x0c\x00\x00\x00"
	extended := "RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x45\x00\x00\x31\x00\x00"
	for name, c := range map[string]struct {
		read func([]byte) (imageSize, error)
		data []byte
		want imageSize
	}{
		"grey JPEG":     {jpegSize, grey(t, 33, 1), imageSize{33, 33, 1}},
		"colour JPEG":   {jpegSize, colour.Bytes(), imageSize{70, 50, 3}},
		"lossy WebP":    {webpSize, []byte(lossy), imageSize{width: 70, height: 50}},
		"lossless WebP": {webpSize, []byte(lossless), imageSize{width: 70, height: 50}},
		"extended WebP": {webpSize, []byte(extended), imageSize{width: 70, height: 50}},
	} {
		if got, err := c.read(c.data); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		for n := range min(len(c.data), 20) {
			if _, err := c.read(c.data[:n]); err == nil {
				t.Errorf("%s: the first %d bytes have a size", name, n)
			}
		}
	}
}

// FuzzImageSizes reads headers that nobody wrote.
func FuzzImageSizes(f *testing.F) {
	f.Add(grey(f, 8, 1))
	f.Add([]byte("RIFF\x20\x00\x00\x00WEBPVP8L\x14\x00\x00\x00\x2f\x45\x40\x0c\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := jpegSize(data); err == nil && (s.width < 0 || s.width > 65535 || s.height < 0 || s.height > 65535) {
			t.Errorf("%+v", s)
		}
		if s, err := webpSize(data); err == nil && (s.width < 0 || s.width > 1<<24 || s.height < 0 || s.height > 1<<24) {
			t.Errorf("%+v", s)
		}
	})
}
