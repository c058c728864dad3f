//! Multilingual E5 (small): a text's meaning as a vector of 384 numbers (Wang and others, "Multilingual E5 Text Embeddings", 2024).
//!
//! Twelve layers of a BERT-like network over unigram pieces; the vector is the mean of its tokens' last vectors. The model was trained with
//! marks before its texts, `query: ` and `passage: `.

mod bytes;
mod format;
mod layer;
mod tokenizer;

use self::format::{BLOCK_BYTES, File, Shape, weights};
use self::layer::{HEAD, add_and_normalise, attend, gelu};
use self::tokenizer::Vocabulary;
use crate::error::ModelError;
use crate::kernel::{Activations, BLOCK, Machine, Matrix, PANEL, Work, run};
use crate::vector::make_unit;
use crate::windows::{Window, windows};

/// Neighbouring windows of a long text share so many tokens of the 510 that they have.
const OVERLAP: usize = 126;

/// What a text is to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Query,
    Passage,
}

impl Role {
    fn prefix(self) -> &'static str {
        match self {
            Self::Query => "query: ",
            Self::Passage => "passage: ",
        }
    }
}

pub struct E5 {
    shape: Shape,
    vocabulary: Vocabulary,
    /// The vectors of the pieces in their blocks.
    pieces: Vec<u8>,
    /// The vector of each position, that of the one kind of token added.
    positions: Vec<f32>,
    first: Norm,
    layers: Vec<Layer>,
}

struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

struct Layer {
    /// Query, key and value, one below the other.
    qkv: Matrix,
    after_attention: Matrix,
    attention_norm: Norm,
    widen: Matrix,
    narrow: Matrix,
    norm: Norm,
}

impl E5 {
    /// Reads the weights. Anything that is not as it must be is an error.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let file = File::read(bytes)?;
        let shape = file.shape;
        if shape.width != shape.heads * HEAD || shape.width % PANEL != 0 || shape.inner % PANEL != 0 {
            return Err(ModelError::malformed("the header", format!("{} heads of {} and {} inner cannot be computed", shape.heads, shape.width, shape.inner)));
        }
        let kind = file.floats("emb.type", shape.types * shape.width)?;
        let mut positions = file.floats("emb.pos", shape.positions * shape.width)?;
        for row in positions.chunks_exact_mut(shape.width) {
            row.iter_mut().zip(&kind).for_each(|(value, kind)| *value += kind);
        }
        Ok(Self {
            pieces: file.blocks("emb.word", shape.vocabulary, shape.width)?.to_vec(),
            positions,
            first: norm(&file, "emb.ln")?,
            layers: (0..shape.layers).map(|number| layer(&file, number)).collect::<Result<_, _>>()?,
            shape,
            vocabulary: file.vocabulary,
        })
    }

    /// Width of a vector.
    pub fn width(&self) -> usize {
        self.shape.width
    }

    /// The pieces of a text with its mark.
    pub fn tokens(&self, role: Role, text: &str) -> Vec<u32> {
        self.vocabulary.tokens(&format!("{}{text}", role.prefix()))
    }

    /// A vector of length 1 for each text. A long text's windows count by the tokens that they add, see [`windows`].
    pub fn embed(&self, role: Role, texts: &[&str]) -> Vec<Vec<f32>> {
        let tokens: Vec<Vec<u32>> = texts.iter().map(|text| self.tokens(role, text)).collect();
        let size = self.shape.positions - 2;
        let mut stretches: Vec<(usize, Window)> = tokens
            .iter()
            .enumerate()
            .flat_map(|(text, tokens)| windows(tokens.len(), size, size.saturating_sub(OVERLAP).max(1)).into_iter().map(move |window| (text, window)))
            .collect();
        // Like lengths together: no batch grows much over the others.
        stretches.sort_by_key(|(_, window)| window.range.len());
        let mut sums = vec![vec![0_f32; self.shape.width]; texts.len()];
        let mut batch = Batch::default();
        for (at, (text, window)) in stretches.iter().enumerate() {
            batch.push(&self.vocabulary, &tokens[*text][window.range.clone()], *text, window.weight);
            if batch.tokens.len() >= BATCH || at + 1 == stretches.len() {
                run(Forward { model: self, batch: &batch, sums: &mut sums });
                batch = Batch::default();
            }
        }
        for sum in &mut sums {
            make_unit(sum);
        }
        sums
    }

    #[inline(always)]
    fn forward<M: Machine>(&self, machine: M, batch: &Batch, sums: &mut [Vec<f32>]) {
        let (width, epsilon) = (self.shape.width, self.shape.epsilon);
        let mut state = self.first_vectors(batch);
        let mut input = Activations::default();
        let (mut wide, mut narrow) = (Vec::new(), Vec::new());
        let mut seen = vec![0_f32; state.len()];
        add_and_normalise(machine, &mut state, None, &self.first.scale, &self.first.shift, epsilon);
        for layer in &self.layers {
            input.take(&state, width);
            layer.qkv.multiply(machine, &input, &mut wide);
            for text in &batch.texts {
                let (from, to) = (text.start, text.start + text.length);
                attend(machine, &wide[3 * width * from..3 * width * to], width, &mut seen[width * from..width * to]);
            }
            input.take(&seen, width);
            layer.after_attention.multiply(machine, &input, &mut narrow);
            add_and_normalise(machine, &mut state, Some(&narrow), &layer.attention_norm.scale, &layer.attention_norm.shift, epsilon);
            input.take(&state, width);
            layer.widen.multiply(machine, &input, &mut wide);
            gelu(machine, &mut wide);
            input.take(&wide, self.shape.inner);
            layer.narrow.multiply(machine, &input, &mut narrow);
            add_and_normalise(machine, &mut state, Some(&narrow), &layer.norm.scale, &layer.norm.shift, epsilon);
        }
        for text in &batch.texts {
            let mut mean = vec![0_f32; width];
            for row in state[text.start * width..][..text.length * width].chunks_exact(width) {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            make_unit(&mut mean);
            #[expect(clippy::cast_precision_loss, reason = "at most 510")]
            let weight = text.weight as f32;
            sums[text.of].iter_mut().zip(&mean).for_each(|(sum, value)| *sum += weight * value);
        }
    }

    /// The vectors of the pieces and of their places.
    fn first_vectors(&self, batch: &Batch) -> Vec<f32> {
        let width = self.shape.width;
        let size = width / BLOCK * BLOCK_BYTES;
        let mut state = Vec::with_capacity(batch.tokens.len() * width);
        for &(piece, position) in &batch.tokens {
            // A piece's number is below the size of the vocabulary, which was checked when the file was read.
            let blocks = weights(&self.pieces[piece as usize * size..][..size]);
            for ((scale, weights), places) in blocks.zip(self.positions[position * width..].as_chunks::<BLOCK>().0) {
                state.extend(weights.iter().zip(places).map(|(weight, place)| scale * (f32::from(*weight) - 8.0) + place));
            }
        }
        state
    }
}

/// Adds to each text's sum what its windows in a batch say.
struct Forward<'a> {
    model: &'a E5,
    batch: &'a Batch,
    sums: &'a mut [Vec<f32>],
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn on<M: Machine>(self, machine: M) {
        self.model.forward(machine, self.batch, self.sums);
    }
}

/// So many tokens go through the network at once: enough that a weight that was read is used often, few enough to stay in the cache.
const BATCH: usize = 256;

/// Windows of texts, one after the other.
#[derive(Default)]
struct Batch {
    /// Pieces with their positions.
    tokens: Vec<(u32, usize)>,
    texts: Vec<Stretch>,
}

struct Stretch {
    start: usize,
    length: usize,
    of: usize,
    weight: usize,
}

impl Batch {
    fn push(&mut self, vocabulary: &Vocabulary, tokens: &[u32], of: usize, weight: usize) {
        let start = self.tokens.len();
        let marked = std::iter::once(vocabulary.begin).chain(tokens.iter().copied()).chain([vocabulary.end]);
        self.tokens.extend(marked.enumerate().map(|(position, piece)| (piece, position)));
        self.texts.push(Stretch { start, length: self.tokens.len() - start, of, weight });
    }
}

fn norm(file: &File<'_>, name: &str) -> Result<Norm, ModelError> {
    Ok(Norm { scale: file.floats(&format!("{name}.w"), file.shape.width)?, shift: file.floats(&format!("{name}.b"), file.shape.width)? })
}

/// Matrices of the same input, one below the other.
fn stacked(file: &File<'_>, names: &[String], rows: usize, columns: usize) -> Result<Matrix, ModelError> {
    let blocks = names.iter().map(|name| file.blocks(&format!("{name}.w"), rows, columns)).collect::<Result<Vec<_>, _>>()?;
    let bias = names.iter().map(|name| file.floats(&format!("{name}.b"), rows)).collect::<Result<Vec<_>, _>>()?.concat();
    let size = columns / BLOCK * BLOCK_BYTES;
    Ok(Matrix::new(names.len() * rows, columns, bias, |row| weights(&blocks[row / rows][row % rows * size..][..size])))
}

fn layer(file: &File<'_>, number: usize) -> Result<Layer, ModelError> {
    let Shape { width, inner, .. } = file.shape;
    let named = |name: &str| vec![format!("l{number}.{name}")];
    let qkv: Vec<String> = ["q", "k", "v"].iter().map(|name| format!("l{number}.{name}")).collect();
    Ok(Layer {
        qkv: stacked(file, &qkv, width, width)?,
        after_attention: stacked(file, &named("ao"), width, width)?,
        attention_norm: norm(file, &format!("l{number}.aln"))?,
        widen: stacked(file, &named("fi"), inner, width)?,
        narrow: stacked(file, &named("fo"), width, inner)?,
        norm: norm(file, &format!("l{number}.oln"))?,
    })
}
