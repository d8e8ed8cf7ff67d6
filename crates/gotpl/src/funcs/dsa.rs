//! Pure. DSA keys of 2048 and 256 bits, for templates that still ask for them.
//!
//! The domain parameters are fixed, as they may be: OpenSSL drew them by FIPS 186-4, and the tests
//! let it check them. Only the key itself is random.
use std::cmp::Ordering;

use zeroize::Zeroizing;

use super::der::{self, Der};
use crate::ctx::Ctx;

/// 64-bit parts of a number of 2048 bits, the lowest first.
const LIMBS: usize = 32;

type Number = Zeroizing<[u64; LIMBS]>;

const P: [u64; 32] = [
    0x0802_ad0e_4660_bc0f,
    0x410a_c81e_d2d4_e4fd,
    0xd998_51e1_ec9e_9796,
    0xf155_8d0e_8253_3c1f,
    0xb0ae_983e_2478_6a96,
    0x87d8_4a26_fec1_be66,
    0xb1ca_e18b_eb73_70e1,
    0xf00e_4733_d89b_9bab,
    0x5072_1927_b1c1_4885,
    0x40cb_48f7_196b_9fdd,
    0xc1c4_7903_a030_0781,
    0x2e3f_ec13_f1bd_c917,
    0xd595_2030_bc04_ae48,
    0xeab3_9b26_33d6_c033,
    0xf7d3_ac83_280a_ce71,
    0xe38f_704e_3bf4_043d,
    0x33bd_3dfe_292e_056c,
    0xb257_b968_a48f_04a9,
    0x692d_1c01_93fe_b17c,
    0x58a1_23d4_8741_87e6,
    0xa718_929e_4831_9dce,
    0x4378_a0aa_7933_9592,
    0xa34d_18e1_15b1_5646,
    0x4ba9_f5c0_6f7e_e5ee,
    0xb325_60e4_61a9_e3e0,
    0xb8ab_5d99_2e77_6fec,
    0xd972_e37e_a8dd_0e52,
    0x107d_cc0d_3b09_0a91,
    0x0cd8_9791_5d1b_8feb,
    0x2d6c_0ab1_0f4d_3bd4,
    0x3885_dd6e_9fc1_aa39,
    0xb509_eb86_4115_638d,
];

const Q: [u64; 4] = [
    0x6702_1a79_de2c_1ac7,
    0xd146_636f_72ae_c624,
    0x1086_ce06_fb17_ee04,
    0xb8a5_2239_8f11_fd74,
];

const G: [u64; 32] = [
    0x23e0_b6be_4af2_413d,
    0xee0e_7ad8_7342_25c4,
    0x2782_97ca_fe73_f3fe,
    0x65cc_173f_ebec_86ef,
    0x7dc2_d400_b79b_7093,
    0x3cc5_564a_5031_5b4c,
    0x39ab_4df7_8fd8_9f8d,
    0xbe28_6463_7f95_ca68,
    0xcae4_901a_ef04_42cd,
    0xb553_0dbe_0390_6b80,
    0xec07_8ca8_3b7b_a7e2,
    0xc193_77ee_c10b_ca18,
    0x5cb9_4890_dfc9_03a1,
    0xcd9d_8849_979d_9753,
    0xe5ef_fd36_c7e1_48ae,
    0x1265_384a_81b6_d050,
    0x660d_194a_d7b7_71d7,
    0x635b_2547_c61c_8641,
    0x37d4_a9a4_b724_34cf,
    0x9a68_7122_8710_4dd8,
    0xb597_85d3_1677_d38f,
    0x3e86_73fa_04a4_ff11,
    0x8226_20a5_975b_72bc,
    0x25d4_13a1_cfc7_c603,
    0xfcea_2b49_4ae5_d676,
    0x0fbf_1488_f9de_483c,
    0x47d7_8976_1177_3bae,
    0xcd0a_80d7_a4fe_5fc2,
    0x3bb9_bf07_f391_0240,
    0xed9e_2198_07ee_b9f4,
    0x5a9e_11e5_3d79_2f43,
    0x6ae6_e55c_26ad_e6c0,
];

/// A new key as OpenSSL and Go write it: version, p, q, g, y, x.
pub(super) fn key(ctx: &mut Ctx<'_>) -> Der {
    let x = exponent(ctx);
    let y = power(&G, &x);
    der::element(
        der::SEQUENCE,
        &[
            &[der::INTEGER, 1, 0],
            &integer(&P),
            &integer(&Q),
            &integer(&G),
            &integer(&*y),
            &integer(&*x),
        ],
    )
}

fn integer(limbs: &[u64]) -> Der {
    let bytes = limbs.iter().rev().flat_map(|limb| limb.to_be_bytes());
    der::unsigned(&Zeroizing::new(bytes.collect::<Vec<u8>>()))
}

/// A number from 1 to q - 1, each as likely.
fn exponent(ctx: &mut Ctx<'_>) -> Zeroizing<[u64; 4]> {
    loop {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(ctx.random());
        let mut x = Zeroizing::new([0; 4]);
        for (limb, part) in x.iter_mut().zip(bytes.chunks_exact(8)) {
            *limb = part
                .iter()
                .fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        let below = x.iter().rev().cmp(Q.iter().rev()) == Ordering::Less;
        if below && x.iter().any(|limb| *limb != 0) {
            return x;
        }
    }
}

/// `base ^ exponent mod p`, with the same steps for every exponent.
fn power(base: &[u64; LIMBS], exponent: &[u64; 4]) -> Number {
    // -1 / p mod 2^64: each round doubles the bits that are right.
    let inverse = (0..6).fold(P[0], |x, _| {
        x.wrapping_mul(2_u64.wrapping_sub(P[0].wrapping_mul(x)))
    });
    let n = inverse.wrapping_neg();
    let mut one = Zeroizing::new([0; LIMBS]);
    one[0] = 1;
    // 2^2048 and 2^4096 mod p, by doubling.
    let shifted = doubled(one.clone(), LIMBS * 64);
    let square = doubled(shifted.clone(), LIMBS * 64);
    let base = product(base, &square, n);
    let mut result = shifted;
    for bit in (0..256).rev() {
        result = product(&result, &result, n);
        let times = product(&result, &base, n);
        let mask = 0_u64.wrapping_sub(exponent[bit / 64] >> (bit % 64) & 1);
        for (limb, other) in result.iter_mut().zip(times.iter()) {
            *limb = (*limb & !mask) | (other & mask);
        }
    }
    product(&result, &one, n)
}

/// `number * 2^times mod p`, for a number below p.
fn doubled(mut number: Number, times: usize) -> Number {
    for _ in 0..times {
        let mut carry = 0;
        for limb in number.iter_mut() {
            let high = *limb >> 63;
            *limb = *limb << 1 | carry;
            carry = high;
        }
        reduce(&mut number, carry);
    }
    number
}

/// Takes p off a number below 2p, whose bit above the limbs is `top`, if it is p or more.
fn reduce(number: &mut Number, top: u64) {
    let mut less = Zeroizing::new([0; LIMBS]);
    let mut borrow = false;
    for ((out, limb), p) in less.iter_mut().zip(number.iter()).zip(P) {
        let (difference, first) = limb.overflowing_sub(p);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        *out = difference;
        borrow = first | second;
    }
    let keep = 0_u64.wrapping_sub(u64::from(borrow) & !top & 1);
    for (limb, less) in number.iter_mut().zip(less.iter()) {
        *limb = (*limb & keep) | (less & !keep);
    }
}

/// Montgomery's product, `a * b / 2^2048 mod p`.
fn product(a: &[u64; LIMBS], b: &[u64; LIMBS], n: u64) -> Number {
    let mut sum = Zeroizing::new([0_u64; LIMBS + 2]);
    for limb in a {
        add(&mut sum, *limb, b);
        let factor = sum[0].wrapping_mul(n);
        add(&mut sum, factor, &P);
        // The lowest limb is zero now.
        sum.copy_within(1.., 0);
        sum[LIMBS + 1] = 0;
    }
    let mut result = Zeroizing::new([0; LIMBS]);
    result.copy_from_slice(&sum[..LIMBS]);
    reduce(&mut result, sum[LIMBS]);
    result
}

/// Adds `factor * number`.
fn add(sum: &mut [u64; LIMBS + 2], factor: u64, number: &[u64; LIMBS]) {
    let mut carry = 0_u128;
    for (at, limb) in number.iter().enumerate() {
        carry += u128::from(sum[at]) + u128::from(factor) * u128::from(*limb);
        sum[at] = carry as u64;
        carry >>= 64;
    }
    for limb in &mut sum[LIMBS..] {
        carry += u128::from(*limb);
        *limb = carry as u64;
        carry >>= 64;
    }
}
