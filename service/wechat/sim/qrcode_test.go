package sim

import (
	"image/color"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"rsc.io/qr"
)

func TestQRCode(t *testing.T) {
	w := newWorld()
	token, _ := w.stable(t, false)
	draw := func(in string) string {
		_, body := w.do(t, pathQRCode+"?access_token="+token, in)
		return body
	}
	for in, want := range map[string]int{
		`{"scene":"s=0123456789ABCDEFGHIJKLMNOPQRST"}`:      0,
		`{"scene":"!#$&'()*+,/:;=?@-._~"}`:                  0,
		`{"scene":"s","page":"pages/home","width":1280}`:    0,
		`{"scene":"s","page":"pages/x","check_path":false}`: 0,
		`{"scene":"s","page":"pages/x"}`:                    41030,
		`{"scene":"s","page":"/pages/home"}`:                41030,
		`{"scene":"s","page":"pages/home?a=1"}`:             41030,
		`{"scene":""}`:                                      40169,
		`{"scene":"s%20"}`:                                  40169,
		`{"scene":"支部"}`:                                    40169,
		`{"scene":"012345678901234567890123456789012"}`:     40169,
		`{"scene":"s","width":279}`:                         40097,
		`{"scene":"s","width":1281}`:                        40097,
		`{"scene":"s","env_version":"beta"}`:                40097,
		`scene=s`:                                           47001,
	} {
		body := draw(in)
		if got := errcode(body); got != want {
			t.Errorf("%s: errcode %d, want %d", in, got, want)
		}
		if want == 0 && http.DetectContentType([]byte(body)) != "image/jpeg" {
			t.Errorf("%s: not a jpeg", in)
		}
	}
}

// The picture is compared with the code module by module: a camera could read it.
func TestQRCodeIsReadable(t *testing.T) {
	const width = 300
	w := newWorld()
	token, _ := w.stable(t, false)
	_, body := w.do(t, pathQRCode+"?access_token="+token, `{"scene":"s=a&b","page":"pages/home","width":300}`)
	img, err := jpeg.Decode(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode("pages/home?scene=s%3Da%26b", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	scale := width / (want.Size + 2*quietZone)
	margin := (width - scale*want.Size) / 2
	for y := -quietZone; y < want.Size+quietZone; y++ {
		for x := -quietZone; x < want.Size+quietZone; x++ {
			at := img.At(margin+x*scale+scale/2, margin+y*scale+scale/2)
			if black := color.GrayModel.Convert(at).(color.Gray).Y < 128; black != want.Black(x, y) {
				t.Fatalf("module %d,%d: black = %v", x, y, black)
			}
		}
	}
}
