package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

const keyBits = 2048

// Merchant is a merchant that the simulated WeChat Pay knows, with all the keys a wechat.PayConfig takes. One from
// NewMerchant may serve any number of platforms, one after the other or at once; one from OpenMerchant serves one.
type Merchant struct {
	MchID       string
	CertSerial  string          // of the merchant's certificate
	PrivateKey  *rsa.PrivateKey // the merchant's
	PublicKeyID string
	PublicKey   *rsa.PublicKey // WeChat Pay's
	APIv3Key    string

	platformKey *rsa.PrivateKey // WeChat Pay's, the other half of PublicKey
	file        *os.File        // nil keeps nothing
	kept        []record        // what the file held when it was opened
}

// NewMerchant makes a merchant with new keys, which takes a good part of a second.
func NewMerchant(mchID string) (*Merchant, error) {
	if mchID == "" {
		return nil, errors.New("sim: no MchID")
	}
	own, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("sim: the merchant's key: %w", err)
	}
	platform, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("sim: the platform's key: %w", err)
	}
	return (&merchantKeys{
		MchID: mchID, CertSerial: strings.ToUpper(randomHex(20)), PublicKeyID: "PUB_KEY_ID_01" + randomHex(16),
		APIv3Key: randomHex(16), Own: x509.MarshalPKCS1PrivateKey(own), Platform: x509.MarshalPKCS1PrivateKey(platform),
	}).merchant()
}

// OpenMerchant opens the merchant whose keys and whole trade live in file, or makes it and the file. Whatever a
// platform of this merchant answered is found again after its process was killed. Another mchID than the file's is an
// error. The file holds private keys, so only its owner may read it.
func OpenMerchant(file, mchID string) (*Merchant, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sim: the state file: %w", err)
	}
	m, err := openMerchant(f, mchID)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	m.file = f
	return m, nil
}

func openMerchant(f *os.File, mchID string) (*Merchant, error) {
	if err := f.Chmod(0o600); err != nil {
		return nil, fmt.Errorf("sim: the state file: %w", err)
	}
	records, err := readRecords(f)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		m, err := NewMerchant(mchID)
		if err != nil {
			return nil, err
		}
		return m, appendRecords(f, record{Merchant: m.keys()})
	}
	if records[0].Merchant == nil || records[0].Merchant.MchID != mchID {
		return nil, fmt.Errorf("sim: the state file is not of merchant %s", mchID)
	}
	m, err := records[0].Merchant.merchant()
	if err != nil {
		return nil, err
	}
	m.kept = records[1:]
	return m, nil
}

// Close closes the state file; a platform of the merchant can answer no more.
func (m *Merchant) Close() error {
	if m.file == nil {
		return nil
	}
	return m.file.Close()
}

// merchantKeys are a Merchant as the state file keeps it.
type merchantKeys struct {
	MchID       string `json:"mchid"`
	CertSerial  string `json:"cert_serial"`
	PublicKeyID string `json:"public_key_id"`
	APIv3Key    string `json:"api_v3_key"`
	Own         []byte `json:"merchant_key"` // PKCS #1
	Platform    []byte `json:"platform_key"`
}

func (k *merchantKeys) merchant() (*Merchant, error) {
	own, err := x509.ParsePKCS1PrivateKey(k.Own)
	if err != nil {
		return nil, errors.New("sim: the merchant's key can't be read")
	}
	platform, err := x509.ParsePKCS1PrivateKey(k.Platform)
	if err != nil {
		return nil, errors.New("sim: the platform's key can't be read")
	}
	return &Merchant{
		MchID: k.MchID, CertSerial: k.CertSerial, PrivateKey: own,
		PublicKeyID: k.PublicKeyID, PublicKey: &platform.PublicKey, APIv3Key: k.APIv3Key, platformKey: platform,
	}, nil
}

func (m *Merchant) keys() *merchantKeys {
	return &merchantKeys{
		MchID: m.MchID, CertSerial: m.CertSerial, PublicKeyID: m.PublicKeyID, APIv3Key: m.APIv3Key,
		Own: x509.MarshalPKCS1PrivateKey(m.PrivateKey), Platform: x509.MarshalPKCS1PrivateKey(m.platformKey),
	}
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("%x", b)
}
