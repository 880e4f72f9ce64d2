package wechat

import (
	"crypto/rsa"
	"errors"

	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// ParsePrivateKey reads the merchant's private key from apiclient_key.pem (PKCS #8). Its error tells nothing of the key.
func ParsePrivateKey(pem string) (*rsa.PrivateKey, error) {
	key, err := utils.LoadPrivateKey(pem)
	if err != nil { // its text may hold what it could not read
		return nil, errors.New("wechat pay: the merchant's private key is not an RSA key in PEM (BEGIN PRIVATE KEY), as in apiclient_key.pem")
	}
	return key, nil
}

// ParsePublicKey reads WeChat Pay's public key from pub_key.pem. Its error tells nothing of the key.
func ParsePublicKey(pem string) (*rsa.PublicKey, error) {
	key, err := utils.LoadPublicKey(pem)
	if err != nil {
		return nil, errors.New("wechat pay: WeChat Pay's public key is not an RSA key in PEM (BEGIN PUBLIC KEY), as in pub_key.pem")
	}
	return key, nil
}
