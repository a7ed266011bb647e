// A self-signed certificate made when the test runs: none has to be kept, and none can expire.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace cmms::testing {

class TlsTestIdentity {
 public:
  // `subject_alt_name`: "IP:127.0.0.1" or "DNS:other.example". The certificate is written to `pem_path`.
  TlsTestIdentity(const std::string& subject_alt_name, std::string pem_path)
      : pem_path_(std::move(pem_path)) {
    key_.reset(EVP_EC_gen("P-256"));
    certificate_.reset(X509_new());
    auto* certificate = certificate_.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    auto* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("pg_cmms test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key_.get());
    add_extension(NID_basic_constraints, "critical,CA:TRUE");
    add_extension(NID_subject_alt_name, subject_alt_name);
    if (X509_sign(certificate, key_.get(), EVP_sha256()) == 0) throw std::runtime_error("could not sign");
    write_pem();
    context_.reset(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate(context_.get(), certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context_.get(), key_.get()) != 1) {
      throw std::runtime_error("could not use the test certificate");
    }
  }
  ~TlsTestIdentity() { std::remove(pem_path_.c_str()); }
  TlsTestIdentity(const TlsTestIdentity&) = delete;
  TlsTestIdentity& operator=(const TlsTestIdentity&) = delete;
  TlsTestIdentity(TlsTestIdentity&&) = delete;
  TlsTestIdentity& operator=(TlsTestIdentity&&) = delete;

  SSL_CTX* context() const { return context_.get(); }
  const std::string& pem_path() const { return pem_path_; }

 private:
  template <auto release>
  struct Free {
    template <class Object>
    void operator()(Object* object) const {
      release(object);
    }
  };

  void add_extension(int kind, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
    if (!extension || X509_add_ext(certificate_.get(), extension.get(), -1) != 1) {
      throw std::runtime_error("could not add a certificate extension");
    }
  }

  void write_pem() const {
    std::FILE* file = std::fopen(pem_path_.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("could not write the test certificate");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
  }

  std::string pem_path_;
  std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key_;
  std::unique_ptr<X509, Free<X509_free>> certificate_;
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
};

}  // namespace cmms::testing
