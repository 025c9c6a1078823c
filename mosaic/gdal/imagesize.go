package gdal

import (
	"encoding/binary"
	"errors"
)

// imageSize is what a compressed image says of itself.
type imageSize struct{ width, height, samples int }

var (
	errNotJPEG    = errors.New("it holds no JPEG image")
	errJPEGDepth  = errors.New("its JPEG image is not of 8 bits")
	errNotWebP    = errors.New("it holds no WebP image")
	errWebPFrames = errors.New("its WebP image is an animation")
)

// jpegSize finds the frame header among a JPEG stream's markers.
func jpegSize(data []byte) (imageSize, error) {
	if len(data) < 2 || data[0] != 0xff || data[1] != 0xd8 {
		return imageSize{}, errNotJPEG
	}
	data = data[2:]
	for len(data) >= 4 {
		if data[0] != 0xff {
			return imageSize{}, errNotJPEG
		}
		marker := data[1]
		if marker == 0xff { // fill byte
			data = data[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(data[2:]))
		if length < 2 || len(data) < 2+length || marker == 0xda || marker == 0xd9 {
			return imageSize{}, errNotJPEG
		}
		if isFrameHeader(marker) {
			return frameSize(data[4 : 2+length])
		}
		data = data[2+length:]
	}
	return imageSize{}, errNotJPEG
}

// isFrameHeader tells SOF0 to SOF15 from the tables that share their range (DHT, JPG, DAC).
func isFrameHeader(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

func frameSize(b []byte) (imageSize, error) {
	if len(b) < 6 {
		return imageSize{}, errNotJPEG
	}
	if b[0] != 8 {
		return imageSize{}, errJPEGDepth
	}
	return imageSize{
		height: int(binary.BigEndian.Uint16(b[1:])), width: int(binary.BigEndian.Uint16(b[3:])), samples: int(b[5]),
	}, nil
}

// webpSize reads the header of a WebP file: lossy, lossless or extended. It does not tell samples.
func webpSize(data []byte) (imageSize, error) {
	if len(data) < 20 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WEBP" {
		return imageSize{}, errNotWebP
	}
	kind, body := string(data[12:16]), data[20:]
	switch {
	case kind == "VP8 " && len(body) >= 10 && body[3] == 0x9d && body[4] == 0x01 && body[5] == 0x2a:
		return imageSize{
			width: int(binary.LittleEndian.Uint16(body[6:]) & 0x3fff), height: int(binary.LittleEndian.Uint16(body[8:]) & 0x3fff),
		}, nil
	case kind == "VP8L" && len(body) >= 5 && body[0] == 0x2f:
		v := binary.LittleEndian.Uint32(body[1:])
		return imageSize{width: int(v&0x3fff) + 1, height: int(v>>14&0x3fff) + 1}, nil
	case kind == "VP8X" && len(body) >= 10 && body[0]&2 != 0:
		return imageSize{}, errWebPFrames
	case kind == "VP8X" && len(body) >= 10:
		return imageSize{width: u24(body[4:]) + 1, height: u24(body[7:]) + 1}, nil
	}
	return imageSize{}, errNotWebP
}

func u24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
