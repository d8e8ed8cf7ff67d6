package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/big"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// request is one thing to do with keys and certificates. Texts are PEM, stores base64.
type request struct {
	Op       string `json:"op"`
	Certs    string `json:"certs"`
	Key      string `json:"key"`
	Pass     string `json:"pass"`
	Store    string `json:"store"`
	Encoding string `json:"encoding"`
}

// reply is what came of it, by name; Error says why nothing did.
type reply map[string]string

// pki answers a list of requests.
func pki(in io.Reader) ([]byte, error) {
	var requests []request
	if err := json.NewDecoder(in).Decode(&requests); err != nil {
		return nil, err
	}
	replies := make([]reply, len(requests))
	for i, r := range requests {
		done, err := r.do()
		if err != nil {
			done = reply{"error": err.Error()}
		}
		replies[i] = done
	}
	return json.Marshal(replies)
}

func (r *request) do() (reply, error) {
	switch r.Op {
	case "encode":
		return r.encode()
	case "encode trust":
		return r.encodeTrust()
	case "decode":
		return r.decode()
	case "decode trust":
		return r.decodeTrust()
	case "chain":
		return chain()
	case "verify":
		return r.verify()
	case "jwk":
		return jwk(r.Encoding)
	case "same key":
		return r.sameKey()
	case "oaep":
		return r.oaep()
	}
	return nil, fmt.Errorf("unknown request %q", r.Op)
}

var encoders = map[string]*pkcs12.Encoder{
	"modern2023":   pkcs12.Modern2023,
	"modern2026":   pkcs12.Modern2026,
	"legacydes":    pkcs12.LegacyDES,
	"legacyrc2":    pkcs12.LegacyRC2,
	"passwordless": pkcs12.Passwordless,
}

func (r *request) encode() (reply, error) {
	certs, err := parsed(r.Certs)
	if err != nil {
		return nil, err
	}
	key, err := private(r.Key)
	if err != nil {
		return nil, err
	}
	store, err := encoders[r.Encoding].Encode(key, certs[0], certs[1:], r.Pass)
	return reply{"store": base64.StdEncoding.EncodeToString(store)}, err
}

func (r *request) encodeTrust() (reply, error) {
	certs, err := parsed(r.Certs)
	if err != nil {
		return nil, err
	}
	store, err := encoders[r.Encoding].EncodeTrustStore(certs, r.Pass)
	return reply{"store": base64.StdEncoding.EncodeToString(store)}, err
}

func (r *request) decode() (reply, error) {
	store, err := base64.StdEncoding.DecodeString(r.Store)
	if err != nil {
		return nil, err
	}
	key, cert, others, err := pkcs12.DecodeChain(store, r.Pass)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certs := text("CERTIFICATE", cert.Raw)
	for _, other := range others {
		certs += text("CERTIFICATE", other.Raw)
	}
	return reply{"key": text("PRIVATE KEY", der), "certs": certs}, nil
}

func (r *request) decodeTrust() (reply, error) {
	store, err := base64.StdEncoding.DecodeString(r.Store)
	if err != nil {
		return nil, err
	}
	certs, err := pkcs12.DecodeTrustStore(store, r.Pass)
	if err != nil {
		return nil, err
	}
	var all string
	for _, cert := range certs {
		all += text("CERTIFICATE", cert.Raw)
	}
	return reply{"certs": all}, nil
}

// chain makes a root, two intermediates and a leaf with keys of three kinds.
func chain() (reply, error) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, err
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	keys := []crypto.Signer{p256, p384, edwards, leaf}
	names := []string{"root", "first", "second", "leaf"}
	answer := reply{}
	var parent *x509.Certificate
	for i, key := range keys {
		template := &x509.Certificate{
			SerialNumber:          big.NewInt(int64(i + 1)),
			Subject:               pkix.Name{CommonName: names[i]},
			NotBefore:             time.Unix(1_600_000_000, 0),
			NotAfter:              time.Unix(2_000_000_000, 0),
			IsCA:                  i < 3,
			BasicConstraintsValid: true,
		}
		if i == 3 {
			template.DNSNames = []string{"leaf.example"}
		}
		signer, by := keys[max(i-1, 0)], parent
		if by == nil {
			by = template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), signer)
		if err != nil {
			return nil, err
		}
		if parent, err = x509.ParseCertificate(der); err != nil {
			return nil, err
		}
		answer[names[i]] = text("CERTIFICATE", der)
	}
	der, err := x509.MarshalPKCS8PrivateKey(leaf)
	answer["key"] = text("PRIVATE KEY", der)
	answer["pkcs1"] = text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(leaf))
	return answer, err
}

// verify checks a leaf in front of its roots, at the time that the tests' engine shows.
func (r *request) verify() (reply, error) {
	certs, err := parsed(r.Certs)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	for _, root := range certs[1:] {
		roots.AddCert(root)
	}
	_, err = certs[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: time.Unix(1_700_000_100, 0)})
	return reply{"names": strings.Join(certs[0].DNSNames, ",")}, err
}

// jwk makes a key of a kind, as a JWK and as the PEM of its halves.
func jwk(kind string) (reply, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	members := map[string]string{}
	var key crypto.Signer
	switch kind {
	case "RSA":
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		k.Precompute()
		key = k
		members = map[string]string{
			"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes()), "d": b64(k.D.Bytes()),
			"p": b64(k.Primes[0].Bytes()), "q": b64(k.Primes[1].Bytes()),
			"dp": b64(k.Precomputed.Dp.Bytes()), "dq": b64(k.Precomputed.Dq.Bytes()), "qi": b64(k.Precomputed.Qinv.Bytes()),
		}
	case "P-256", "P-384", "P-521":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[kind]
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return nil, err
		}
		key = k
		size := (curve.Params().BitSize + 7) / 8
		fixed := func(n *big.Int) string { return b64(n.FillBytes(make([]byte, size))) }
		members = map[string]string{"kty": "EC", "crv": kind, "x": fixed(k.X), "y": fixed(k.Y), "d": fixed(k.D)}
	case "Ed25519":
		public, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		key = k
		members = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": b64(public), "d": b64(k.Seed())}
	default:
		return nil, fmt.Errorf("unknown kind %q", kind)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	set, err := json.Marshal(members)
	return reply{
		"jwk": string(set), "private": text("PRIVATE KEY", private), "public": text("PUBLIC KEY", public),
	}, err
}

// sameKey reads a private key in any of its forms and shows it in PKCS#8.
func (r *request) sameKey() (reply, error) {
	key, err := private(r.Key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return reply{"key": text("PRIVATE KEY", der)}, err
}

// oaep encrypts the word that Pass holds for a key.
func (r *request) oaep() (reply, error) {
	key, err := private(r.Key)
	if err != nil {
		return nil, err
	}
	hashes := map[string]func() hash.Hash{"SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}
	public, isRSA := key.(*rsa.PrivateKey)
	if !isRSA {
		return nil, errors.New("not an RSA key")
	}
	sealed, err := rsa.EncryptOAEP(hashes[r.Encoding](), rand.Reader, &public.PublicKey, []byte(r.Pass), nil)
	return reply{"text": base64.StdEncoding.EncodeToString(sealed)}, err
}

func text(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func parsed(bundle string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	rest := []byte(bundle)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("not a bundle of certificates")
	}
	return certs, nil
}

func private(key string) (crypto.PrivateKey, error) {
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		return nil, errors.New("no PEM")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}
